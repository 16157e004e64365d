"""The Kubernetes objects of the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from components.gateway.configuration import ENVIRONMENT, FOLDER, KEYS_FILE, LAUNCH, PORT, arguments
from components.serving.engine.command import PORT as API_PORT
from components.serving.network.policies import prometheus
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
    """`spec` of the Deployment. A new version adds a gateway before it takes one away."""
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": LABELS},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    return {
        "replicas": plan.settings.replicas,
        "selector": {"matchLabels": LABELS},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {
                "labels": {**LABELS, "app.kubernetes.io/managed-by": "pulumi"},
                "annotations": dict(annotations),
            },
            "spec": {
                "serviceAccountName": CONFIG,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": plan.grace_seconds,
                "nodeSelector": dict(node_selector),
                "topologySpreadConstraints": spread,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [_container(plan)],
                "volumes": [
                    {"name": "config", "configMap": {"name": CONFIG, "defaultMode": 0o444}},
                    {"name": "keys", "secret": {"secretName": KEYS, "defaultMode": 0o440}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
                ],
            },
        },
    }


def _container(plan: GatewayPlan) -> dict[str, Any]:
    resources = plan.settings.resources
    requests = {"cpu": resources.cpu, "memory": resources.memory}
    own = [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": KEYS, "key": variable}}}
        for variable in plan.engine_keys
    ]
    return {
        "name": "gateway",
        "image": plan.image.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", LAUNCH],
        "args": list(arguments()),
        "env": [*({"name": name, "value": value} for name, value in ENVIRONMENT.items()), *own],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": requests, "limits": {"memory": requests["memory"]}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": _probe("/health/liveliness", period=10, failures=_START_SECONDS // 10),
        # Neither asks a model: a gateway before models that are down still answers with fallbacks.
        "readinessProbe": _probe("/health/readiness", period=5, failures=3),
        "livenessProbe": _probe("/health/liveliness", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": [
            {"name": "config", "mountPath": FOLDER, "readOnly": True},
            {"name": "keys", "mountPath": KEYS_FILE.rpartition("/")[0], "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }


def service() -> Spec:
    """`spec` of the Service, on the port of every API of the stack."""
    return {
        "type": "ClusterIP",
        "selector": LABELS,
        "ports": [{"name": "http", "port": API_PORT, "targetPort": "http", "protocol": "TCP"}],
    }


def disruption_budget() -> Spec:
    """`spec` of the disruption budget: one gateway at a time, and one that is not ready holds up no drain."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": LABELS},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def serving(*, monitoring_namespace: str | None, load_balancer_cidrs: Sequence[str]) -> Spec:
    """NetworkPolicy: requests from the load balancer's subnets, and Prometheus."""
    sources: list[dict[str, Any]] = [{"ipBlock": {"cidr": cidr}} for cidr in load_balancer_cidrs]
    if monitoring_namespace:
        sources.append(prometheus(monitoring_namespace))
    policy: dict[str, Any] = {"podSelector": {"matchLabels": LABELS}, "policyTypes": ["Ingress"]}
    return {**policy, "ingress": [{"from": sources, "ports": [_tcp(PORT)]}]} if sources else policy


def asking(fronts: Iterable[Mapping[str, Any]]) -> Spec:
    """NetworkPolicy: the routers or leaders of the models that it asks, as peers, and nobody else."""
    return {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Egress"],
        "egress": [{"to": [dict(front) for front in fronts], "ports": [_tcp(API_PORT)]}],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}
