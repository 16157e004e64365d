"""The Kubernetes objects of a router."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components.serving.engine.command import PORT
from components.serving.manifest import Spec
from components.serving.names import ROUTER_ACCOUNT
from components.serving.pods.probes import DRAIN_SECONDS
from components.serving.router.arguments import KEY_FILE, METRICS_PORT

if TYPE_CHECKING:
    from components.serving.router.plan import RouterPlan

_USER: Final = 65532
"""A user that is nobody; the image's Python is readable for all (sgl-project/sglang docker/gateway.Dockerfile)."""

DISCOVERY_RULES: Final[Spec] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
"""All that finding the groups takes (sgl-model-gateway src/service_discovery.rs)."""


def selector(name: str) -> dict[str, str]:
    """Labels of the routers of a model."""
    return {"app.kubernetes.io/name": "sglang-router", "app.kubernetes.io/instance": name}


def deployment(
    plan: RouterPlan, *, node_selector: Mapping[str, str], annotations: Mapping[str, Any], key_secret: str | None
) -> Spec:
    """`spec` of the Deployment. A new version adds a router before it takes one away, so that as many serve as before;
    spreading is a wish, or the added one might find no node.
    """
    labels = selector(plan.name)
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    volumes = [{"name": "api-key", "secret": {"secretName": key_secret, "defaultMode": 0o440}}] if key_secret else []
    return {
        "replicas": plan.replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {
                "labels": {**labels, "app.kubernetes.io/managed-by": "pulumi"},
                "annotations": dict(annotations),
            },
            "spec": {
                "serviceAccountName": ROUTER_ACCOUNT,
                # It reads the engines' pods.
                "automountServiceAccountToken": True,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": plan.grace_period_seconds,
                "nodeSelector": dict(node_selector),
                "topologySpreadConstraints": spread,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [_container(plan, mounted=bool(volumes))],
                "volumes": volumes,
            },
        },
    }


def service(plan: RouterPlan) -> Spec:
    """`spec` of the Service."""
    return {
        "type": "ClusterIP",
        "selector": selector(plan.name),
        "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
    }


def disruption_budget(plan: RouterPlan) -> Spec:
    """`spec` of the disruption budget: one router at a time, and one that is not ready holds up no drain."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": selector(plan.name)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def _container(plan: RouterPlan, *, mounted: bool) -> dict[str, Any]:
    resources = plan.settings.resources
    requests = {"cpu": resources.cpu, "memory": resources.memory}
    mounts = [{"name": "api-key", "mountPath": KEY_FILE.rpartition("/")[0], "readOnly": True}] if mounted else []
    return {
        "name": "router",
        "image": plan.image.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": list(plan.command),
        "args": list(plan.arguments),
        "env": [{"name": name, "value": value} for name, value in plan.environment.items()],
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": requests, "limits": {"memory": requests["memory"]}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # Ready once it knows one healthy group.
        "readinessProbe": _probe("/readiness", period=5, failures=3),
        "livenessProbe": _probe("/liveness", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": mounts,
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
