"""The Kubernetes objects of a router."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components import http_server
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
    """`spec` of the Deployment."""
    volumes = [{"name": "api-key", "secret": {"secretName": key_secret, "defaultMode": 0o440}}] if key_secret else []
    return http_server.deployment(
        selector(plan.name),
        replicas=plan.replicas,
        user=_USER,
        annotations=annotations,
        pod={
            "serviceAccountName": ROUTER_ACCOUNT,
            # It reads the engines' pods.
            "automountServiceAccountToken": True,
            "terminationGracePeriodSeconds": plan.grace_period_seconds,
            "nodeSelector": dict(node_selector),
        },
        container=_container(plan, mounted=bool(volumes)),
        volumes=volumes,
    )


def service(plan: RouterPlan) -> Spec:
    """`spec` of the Service."""
    return http_server.service(selector(plan.name), PORT)


def disruption_budget(plan: RouterPlan) -> Spec:
    """`spec` of the disruption budget."""
    return http_server.disruption_budget(selector(plan.name))


def _container(plan: RouterPlan, *, mounted: bool) -> dict[str, Any]:
    mounts = [{"name": "api-key", "mountPath": KEY_FILE.rpartition("/")[0], "readOnly": True}] if mounted else []
    return {
        "name": "router",
        "image": plan.image.reference,
        "command": list(plan.command),
        "args": list(plan.arguments),
        "env": [{"name": name, "value": value} for name, value in plan.environment.items()],
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": http_server.resources(plan.settings.resources.cpu, plan.settings.resources.memory),
        "readinessProbe": http_server.probe(plan.ready_path, period=5, failures=3),
        "livenessProbe": http_server.probe("/liveness", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": mounts,
    }
