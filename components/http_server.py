"""Objects of an HTTP server with several replicas: whole ones of routers, the gateway and the like, and the Service
before any of them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SPREAD: Final = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def deployment(
    labels: Mapping[str, str],
    *,
    replicas: int,
    user: int,
    annotations: Mapping[str, Any],
    pod: Mapping[str, Any],
    container: Mapping[str, Any],
    volumes: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """`spec` of a Deployment. A new version adds a replica before it takes one away, so that as many serve as before;
    spreading is a wish, or the added one might find no node. Only `volumes` can be written; nothing is privileged.

    `pod` and `container` are what is the server's own; `user` is the id that it runs under, and its group's.
    """
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in _SPREAD
    ]
    security = {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    unprivileged = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "replicas": replicas,
        "selector": {"matchLabels": dict(labels)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {
                "labels": {**labels, "app.kubernetes.io/managed-by": "pulumi"},
                "annotations": dict(annotations),
            },
            "spec": {
                **pod,
                "enableServiceLinks": False,
                "topologySpreadConstraints": spread,
                "securityContext": security,
                "containers": [{**container, "imagePullPolicy": "IfNotPresent", "securityContext": unprivileged}],
                "volumes": [dict(volume) for volume in volumes],
            },
        },
    }


def service(labels: Mapping[str, str], port: int) -> dict[str, Any]:
    """`spec` of a Service before the port that the pods call `http`."""
    return {
        "type": "ClusterIP",
        "selector": dict(labels),
        "ports": [{"name": "http", "port": port, "targetPort": "http", "protocol": "TCP"}],
    }


def disruption_budget(labels: Mapping[str, str]) -> dict[str, Any]:
    """`spec` of a disruption budget: one replica at a time, and one that is not ready holds up no drain."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": dict(labels)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    """A probe that asks for `path` every `period` seconds and gives up after `failures` of them."""
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def resources(cpu: str, memory: str) -> dict[str, Any]:
    """Requests, and the memory request as limit too: a throttled server would delay every token."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
