"""Values of the chart `lws`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.platform.lws.settings import LwsSettings


def values(
    lws: LwsSettings, *, node_selector: Mapping[str, str], metrics: bool, disaggregated_sets: bool = False
) -> dict[str, Any]:
    """The chart's values. `metrics` says that the cluster has the ServiceMonitor kind; `disaggregated_sets` that the
    stack has such, whose admission webhook is off by default.
    """
    return {
        "replicaCount": lws.replicas,
        "image": {
            "manager": {
                "repository": "registry.k8s.io/lws/lws",
                "tag": lws.image_tag,
                "pullPolicy": "IfNotPresent",
            }
        },
        "enablePrometheus": metrics,
        "enableDisaggregatedSet": disaggregated_sets,
        # All that the restricted level asks for and the chart does not set.
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "resources": {
            "requests": {"cpu": lws.cpu_request, "memory": lws.memory_request},
            "limits": {"memory": lws.memory_limit},
        },
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": dict(node_selector),
        "affinity": _apart(),
    }


SELECTOR = {"control-plane": "controller-manager", "app.kubernetes.io/name": "lws"}
"""Labels of the controller's pods."""


def _apart() -> dict[str, Any]:
    """Keep the controllers on different nodes where there are enough, so that a lost node leaves one."""
    term = {
        "labelSelector": {"matchLabels": SELECTOR},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }
