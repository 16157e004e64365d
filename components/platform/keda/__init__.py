"""KEDA: it scales LeaderWorkerSets by Prometheus queries."""
