"""HyperPod: the cluster, its execution role and lifecycle scripts, and the dependency chart that it needs."""
