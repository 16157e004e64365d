"""The EKS control plane, its access, its add-ons, and the Kubernetes provider of the stack."""
