"""Values of the chart `loki`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.monitoring.logs.plan import LogPlan

SERVICE_ACCOUNT: Final = "loki"
PORT: Final = 3100
RING_PORTS: Final = (7946, 9095)
"""Ports of the ring and of gRPC, by which Loki's parts find and reach each other."""
LABELS: Final = {"app.kubernetes.io/name": "loki"}
"""Labels of Loki's pod."""
SCHEMA_FROM: Final = "2024-04-01"
"""Day from which the index has its form; any day before the first log will do, and it must not change after that."""


def values(
    plan: LogPlan,
    *,
    region: str,
    bucket: Any,
    storage_class: str,
    node_selector: Mapping[str, str],
    metrics: bool,
) -> dict[str, Any]:
    """The chart's values: one process on the nodes of `node_selector`, chunks and index in `bucket`.

    What this stack has no use for is off, the sidecar for rules among it, which would read every Secret of the cluster.
    """
    loki = plan.settings.loki
    none = {"enabled": False}
    return {
        "deploymentMode": "Monolithic",
        "loki": {
            # One tenant; who may reach it is the network policy's affair.
            "auth_enabled": False,
            "commonConfig": {"replication_factor": 1},
            "analytics": {"reporting_enabled": False},
            "storage": {
                "type": "s3",
                "bucketNames": {"chunks": bucket, "ruler": bucket, "admin": bucket},
                "s3": {"region": region},
            },
            "schemaConfig": {
                "configs": [
                    {
                        "from": SCHEMA_FROM,
                        "store": "tsdb",
                        "object_store": "s3",
                        "schema": "v13",
                        "index": {"prefix": "loki_index_", "period": "24h"},
                    }
                ]
            },
            "compactor": {"retention_enabled": True, "delete_request_store": "s3"},
            "limits_config": {
                "retention_period": f"{plan.settings.retention_days * 24}h",
                # What a node kept back while Loki was away is taken all the same.
                "reject_old_samples_max_age": f"{plan.settings.retention_days * 24}h",
                "allow_structured_metadata": True,
            },
        },
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT, "automountServiceAccountToken": False},
        "rbac": {"namespaced": True},
        "singleBinary": {
            "replicas": 1,
            "sidecar": False,
            "nodeSelector": dict(node_selector),
            "resources": {
                "requests": {"cpu": loki.cpu_request, "memory": loki.memory_request},
                "limits": {"memory": loki.memory_limit},
            },
            "persistence": {"enabled": True, "storageClass": storage_class, "size": f"{loki.storage_gib}Gi"},
        },
        "write": {"replicas": 0},
        "read": {"replicas": 0},
        "backend": {"replicas": 0},
        "gateway": none,
        "lokiCanary": none,
        "chunksCache": none,
        "resultsCache": none,
        "test": none,
        "sidecar": {"rules": none},
        "monitoring": {"serviceMonitor": {"enabled": metrics}},
    }
