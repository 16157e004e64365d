"""The Kubernetes objects of the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from components import http_server
from components.gateway.configuration import ENVIRONMENT, FOLDER, KEYS_FILE, LAUNCH, PORT, arguments
from components.network_policies import opened, prometheus
from components.serving.engine.command import PORT as API_PORT
from components.serving.pods.probes import DRAIN_SECONDS

if TYPE_CHECKING:
    from components.gateway.plan import GatewayPlan
    from components.serving.manifest import Spec

LABELS: Final = {"app.kubernetes.io/name": "litellm", "app.kubernetes.io/instance": "gateway"}
"""Labels of the gateway's pods."""

CONFIG: Final = "gateway"
"""Name of the ConfigMap, and of everything else here."""

KEYS: Final = "gateway-keys"
"""Name of the Secret with the digests of client keys, and of the one with the models' own."""

_USER: Final = 65534
"""`nobody`, the image's own user (BerriAI/litellm docker/Dockerfile.non_root)."""

_START_SECONDS: Final = 600
"""Seconds that a start may take; importing the package alone took 89 s on two busy cores (1.108.7, seen)."""

PATHS: Final = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/messages",
    "/v1/models",
)
"""What the load balancer passes on. The rest of the proxy's API is for administrators."""


def deployment(plan: GatewayPlan, *, node_selector: Mapping[str, str], annotations: Mapping[str, Any]) -> Spec:
    """`spec` of the Deployment."""
    return http_server.deployment(
        LABELS,
        replicas=plan.settings.replicas,
        user=_USER,
        annotations=annotations,
        pod={
            "serviceAccountName": CONFIG,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": plan.grace_seconds,
            "nodeSelector": dict(node_selector),
        },
        container=_container(plan),
        volumes=[
            {"name": "config", "configMap": {"name": CONFIG, "defaultMode": 0o444}},
            {"name": "keys", "secret": {"secretName": KEYS, "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    )


def _container(plan: GatewayPlan) -> dict[str, Any]:
    own = [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": KEYS, "key": variable}}}
        for variable in plan.engine_keys
    ]
    return {
        "name": "gateway",
        "image": plan.image.reference,
        "command": ["python3", "-c", LAUNCH],
        "args": list(arguments()),
        "env": [*({"name": name, "value": value} for name, value in ENVIRONMENT.items()), *own],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": http_server.resources(plan.settings.resources.cpu, plan.settings.resources.memory),
        "startupProbe": http_server.probe("/health/liveliness", period=10, failures=_START_SECONDS // 10),
        # Neither asks a model: a gateway before models that are down still answers with fallbacks.
        "readinessProbe": http_server.probe("/health/readiness", period=5, failures=3),
        "livenessProbe": http_server.probe("/health/liveliness", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": [
            {"name": "config", "mountPath": FOLDER, "readOnly": True},
            {"name": "keys", "mountPath": KEYS_FILE.rpartition("/")[0], "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }


def service() -> Spec:
    """`spec` of the Service, on the port of every API of the stack."""
    return http_server.service(LABELS, API_PORT)


def disruption_budget() -> Spec:
    """`spec` of the disruption budget."""
    return http_server.disruption_budget(LABELS)


def serving(*, monitoring_namespace: str | None, load_balancer_cidrs: Sequence[str]) -> Spec:
    """NetworkPolicy: requests from the load balancer's subnets, and Prometheus."""
    sources = [{"ipBlock": {"cidr": cidr}} for cidr in load_balancer_cidrs]
    if monitoring_namespace:
        sources.append(prometheus(monitoring_namespace))
    return opened(LABELS, into=[(sources, PORT)])


def asking(fronts: Sequence[Spec]) -> Spec:
    """NetworkPolicy: the routers or leaders of the models that it asks, as peers, and nobody else."""
    return opened(LABELS, out=[(fronts, API_PORT)])
