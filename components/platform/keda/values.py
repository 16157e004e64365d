"""Values of the chart `keda`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.platform.keda.settings import KedaSettings

OPERATOR_SERVICE_ACCOUNT = "keda-operator"

_GROUPS = {"apiGroup": "leaderworkerset.x-k8s.io", "kind": "leaderworkersets"}
_ROLES = {"apiGroup": "disaggregatedset.x-k8s.io", "kind": "disaggregatedsetrolescalers"}


def values(
    keda: KedaSettings,
    *,
    cluster_name: str,
    node_selector: Mapping[str, str],
    metrics: bool,
    scales_sets: bool = False,
) -> dict[str, Any]:
    """The chart's values. `metrics` says that the cluster has the ServiceMonitor kind; `scales_sets` that roles of
    DisaggregatedSets scale.
    """
    scraped = {"enabled": metrics, "serviceMonitor": {"enabled": metrics}}
    return {
        "clusterName": cluster_name,
        # The CRDs are templates of the chart: without this an uninstalled release takes every ScaledObject with it.
        "crds": {"install": True, "additionalAnnotations": {"helm.sh/resource-policy": "keep"}},
        "image": {"pullPolicy": "IfNotPresent"},
        "operator": {"replicaCount": keda.replicas, "affinity": _apart("keda-operator")},
        "metricsServer": {
            "replicaCount": keda.replicas,
            "affinity": _apart("keda-operator-metrics-apiserver"),
        },
        "rbac": {
            # Deployments are in the chart's own role; nothing else is scaled here.
            "enabledCustomScaledRefKinds": True,
            "scaledRefKinds": [_GROUPS, *([_ROLES] if scales_sets else [])],
        },
        # The Prometheus scaler needs no Secret of another namespace.
        "permissions": {
            "metricServer": {"restrict": {"secret": True}},
            "operator": {"restrict": {"secret": True}},
        },
        "serviceAccount": {"operator": {"create": True, "name": OPERATOR_SERVICE_ACCOUNT}},
        "resources": {
            "operator": _resources(keda.memory_limit),
            "metricServer": _resources(keda.memory_limit),
            "webhooks": _resources("256Mi"),
        },
        "prometheus": {"operator": scraped, "metricServer": scraped},
        "nodeSelector": dict(node_selector),
        "podDisruptionBudget": {"operator": {"maxUnavailable": 1}, "metricServer": {"maxUnavailable": 1}},
        "priorityClassName": "system-cluster-critical",
    }


def _resources(memory_limit: str) -> dict[str, Any]:
    """No CPU limit: a throttled metrics server answers too late for the autoscaler."""
    return {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": None, "memory": memory_limit}}


def _apart(app: str) -> dict[str, Any]:
    """Keep the pods of one Deployment on different nodes where there are enough."""
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }
