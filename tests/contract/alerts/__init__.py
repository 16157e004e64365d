"""The alerts against Prometheus's own programs."""
