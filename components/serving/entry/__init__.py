"""The way in from outside the cluster: an Application Load Balancer."""
