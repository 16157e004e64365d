"""The engines' namespace and the policy that keeps it tight."""
