"""The ScaledObject of a role. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.serving.group import disaggregated_set as sets
from components.serving.group.objects import API_VERSION as GROUPS_API

if TYPE_CHECKING:
    from components.serving.autoscaling.plan import ScalingPlan, Trigger
    from components.serving.manifest import Spec
    from components.serving.plan import GroupPlan

API_VERSION: Final = "keda.sh/v1alpha1"


def scaled_object(group: GroupPlan, plan: ScalingPlan, prometheus_url: str) -> Spec:
    """`spec` of the ScaledObject of a role's groups, which the scale subresource of its target counts.

    It names no polling interval and no cooldown: KEDA uses neither where at least one group stays (its webhook warns).
    """
    pace = plan.stabilisation
    fallback = plan.fallback
    return {
        "scaleTargetRef": _target(group),
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


def _target(group: GroupPlan) -> dict[str, str]:
    """The LeaderWorkerSet, or of a DisaggregatedSet the scaler of the role, which has the group's name too."""
    kind = (GROUPS_API, "LeaderWorkerSet") if group.set_name is None else (sets.API_VERSION, sets.SCALER_KIND)
    return {"apiVersion": kind[0], "kind": kind[1], "name": group.name}


def _trigger(trigger: Trigger, prometheus_url: str) -> dict[str, Any]:
    address = {"serverAddress": prometheus_url} if trigger.type == "prometheus" else {}
    return {
        "type": trigger.type,
        "name": trigger.name,
        "metricType": "AverageValue" if trigger.per_group else "Value",
        "metadata": {**address, **trigger.metadata},
    }
