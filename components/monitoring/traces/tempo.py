"""Values of the chart `tempo`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.aws.identity.policies import partition
from components.monitoring.traces.plan import OTLP_PORT, TracePlan

SERVICE_ACCOUNT: Final = "tempo"
PORT: Final = 3200
LABELS: Final = {"app.kubernetes.io/name": "tempo"}


def values(
    plan: TracePlan, *, region: str, bucket: Any, storage_class: str, node_selector: Mapping[str, str], metrics: bool
) -> dict[str, Any]:
    """The chart's values: one process on the nodes of `node_selector`, blocks in `bucket`."""
    tempo = plan.settings.tempo
    suffix = ".cn" if partition(region) == "aws-cn" else ""
    return {
        "tempo": {
            "reportingEnabled": False,
            "retention": f"{plan.settings.retention_days * 24}h",
            "memBallastSizeMbs": 64,
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"0.0.0.0:{OTLP_PORT}"}}}},
            "storage": {
                "trace": {
                    "backend": "s3",
                    "s3": {"bucket": bucket, "endpoint": f"s3.{region}.amazonaws.com{suffix}", "region": region},
                }
            },
            "resources": {
                "requests": {"cpu": "200m", "memory": tempo.memory_request},
                "limits": {"memory": tempo.memory_limit},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        },
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT, "automountServiceAccountToken": False},
        "serviceMonitor": {"enabled": metrics},
        "persistence": {"enabled": True, "storageClassName": storage_class, "size": f"{tempo.storage_gib}Gi"},
        "nodeSelector": dict(node_selector),
    }
