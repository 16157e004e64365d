"""IAM for pods (EKS Pod Identity), and the one way to write a policy document."""
