"""The workload's logs: Fluent Bit on every node, to CloudWatch Logs or to Loki in the cluster."""
