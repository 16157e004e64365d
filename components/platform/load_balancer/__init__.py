"""The AWS Load Balancer Controller: it turns an Ingress into an Application Load Balancer."""
