"""The program's Kubernetes objects on a real control plane on loopback, with nodes that kwok simulates."""
