"""What is deployed: settings in, plan, stack out."""
