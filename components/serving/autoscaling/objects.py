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

POLLING_SECONDS: Final = 15
"""Seconds between two looks for a request that wants the first group; KEDA's own are 30."""


def scaled_object(group: GroupPlan, plan: ScalingPlan, prometheus_url: str) -> Spec:
    """`spec` of the ScaledObject of a role's groups, which the scale subresource of its target counts.

    It names a polling interval and cooldowns only where the last group may go: KEDA uses neither otherwise (its webhook
    warns).
    """
    pace = plan.stabilisation
    return {
        **_to_zero(plan),
        "scaleTargetRef": _target(group),
        "minReplicaCount": plan.least,
        "maxReplicaCount": plan.most,
        "fallback": _without_metrics(plan),
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


def _without_metrics(plan: ScalingPlan) -> dict[str, Any]:
    """What KEDA does once it gets no answer: it holds the number, or has so many groups at least.

    Where the last group may go it is never 0: KEDA would take that for a reason to take it away. Any other one brings
    the first group too, whatever its behaviour is called; without one a poll that falls together with the renewal of
    KEDA's scalers counts as nobody's wish, and takes groups away that serve (v2.20.2 pkg/scaling/scale_handler.go:
    ErrCacheClosed, pkg/scaling/executor/scale_scaledobjects.go; all seen).
    """
    fallback = plan.fallback
    return {
        "failureThreshold": fallback.failures,
        "replicas": max(plan.least, 1) if fallback.replicas is None else fallback.replicas,
        "behavior": "currentReplicas" if fallback.replicas is None else "currentReplicasIfHigher",
    }


def _to_zero(plan: ScalingPlan) -> dict[str, int]:
    if plan.idle_seconds is None:
        return {}
    return {
        "pollingInterval": POLLING_SECONDS,
        "cooldownPeriod": plan.idle_seconds,
        # A new model has its first group for as long, although nobody has asked for it yet.
        "initialCooldownPeriod": plan.idle_seconds,
    }


def _trigger(trigger: Trigger, prometheus_url: str) -> dict[str, Any]:
    address = {"serverAddress": prometheus_url} if trigger.type == "prometheus" else {}
    return {
        "type": trigger.type,
        "name": trigger.name,
        "metricType": "AverageValue" if trigger.per_group else "Value",
        "metadata": {**address, **trigger.metadata},
    }
