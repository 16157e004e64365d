"""What AWS runs of monitoring: Managed Prometheus and Grafana, Container Insights, HyperPod's observability."""
