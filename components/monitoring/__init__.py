"""What watches the workload: Prometheus, Grafana and their dashboards."""
