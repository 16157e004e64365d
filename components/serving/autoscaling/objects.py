"""The ScaledObject of a role. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.serving.group.objects import API_VERSION as GROUPS_API

if TYPE_CHECKING:
    from components.serving.autoscaling.plan import ScalingPlan, Trigger
    from components.serving.manifest import Spec

API_VERSION: Final = "keda.sh/v1alpha1"


def scaled_object(lws: str, plan: ScalingPlan, prometheus_url: str) -> Spec:
    """`spec` of the ScaledObject of a LeaderWorkerSet, whose scale subresource counts groups.

    It names no polling interval and no cooldown: KEDA uses neither where at least one group stays (its webhook warns).
    """
    pace = plan.stabilisation
    fallback = plan.fallback
    return {
        "scaleTargetRef": {"apiVersion": GROUPS_API, "kind": "LeaderWorkerSet", "name": lws},
        "minReplicaCount": plan.least,
        "maxReplicaCount": plan.most,
        "fallback": {
            "failureThreshold": fallback.failures,
            "replicas": plan.least if fallback.replicas is None else fallback.replicas,
            "behavior": "currentReplicas" if fallback.replicas is None else "currentReplicasIfHigher",
        },
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleUp": {"stabilizationWindowSeconds": pace.up_seconds},
                    "scaleDown": {
                        "stabilizationWindowSeconds": pace.down_seconds,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": pace.down_period_seconds}],
                    },
                }
            }
        },
        "triggers": [_trigger(trigger, prometheus_url) for trigger in plan.triggers],
    }


def _trigger(trigger: Trigger, prometheus_url: str) -> dict[str, Any]:
    address = {"serverAddress": prometheus_url} if trigger.type == "prometheus" else {}
    return {
        "type": trigger.type,
        "name": trigger.name,
        "metricType": "AverageValue" if trigger.per_group else "Value",
        "metadata": {**address, **trigger.metadata},
    }
