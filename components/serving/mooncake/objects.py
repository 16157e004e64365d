"""The Kubernetes objects of a store. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components import http_server
from components.aws.nodes.plan import POOL_LABEL, SYSTEM_POOL
from components.network_policies import opened, prometheus
from components.serving.manifest import Spec
from components.serving.mooncake.plan import FIRST_PORT, LAST_PORT, METRICS_PORT, RPC_PORT
from components.serving.names import ENGINE_ACCOUNT

if TYPE_CHECKING:
    from components.serving.mooncake.plan import StorePlan

_USER: Final = 65532
"""A user that is nobody, as in Mooncake's own image of the master (kvcache-ai/Mooncake docker/master.Dockerfile)."""

_GRACE_SECONDS: Final = 10
"""Nothing is written down when the master ends."""


def labels(name: str) -> dict[str, str]:
    """Labels of the master's pod."""
    return {"app.kubernetes.io/name": "mooncake-master", "app.kubernetes.io/instance": name}


def deployment(plan: StorePlan) -> Spec:
    """`spec` of the Deployment: one master, since two behind one Service would each know a part of the pages. The old
    one goes before the new one comes, and no disruption budget holds a drain up for it.
    """
    spec = http_server.deployment(
        labels(plan.name),
        replicas=1,
        user=_USER,
        annotations={},
        pod={
            "serviceAccountName": ENGINE_ACCOUNT,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "nodeSelector": {POOL_LABEL: SYSTEM_POOL},
        },
        container=_container(plan),
        volumes=[],
    )
    return {**spec, "strategy": {"type": "Recreate"}}


def _container(plan: StorePlan) -> dict[str, Any]:
    return {
        "name": "master",
        "image": plan.image.reference,
        "command": list(plan.command),
        "args": list(plan.arguments),
        "ports": [
            {"name": "rpc", "containerPort": RPC_PORT, "protocol": "TCP"},
            {"name": "http", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": http_server.resources(plan.resources.cpu, f"{plan.resources.memory_gib}Gi"),
        "readinessProbe": http_server.probe("/health", period=5, failures=3),
        "livenessProbe": http_server.probe("/health", period=10, failures=6),
    }


def service(plan: StorePlan) -> Spec:
    """`spec` of the Service that engines name as their master."""
    return {
        "type": "ClusterIP",
        "selector": labels(plan.name),
        "ports": [{"name": "rpc", "port": RPC_PORT, "targetPort": "rpc", "protocol": "TCP"}],
    }


def serving(plan: StorePlan, monitoring_namespace: str | None) -> Spec:
    """NetworkPolicy of the master: its model's engines, and Prometheus; it reaches nobody."""
    scraped = [([prometheus(monitoring_namespace)], METRICS_PORT)] if monitoring_namespace else []
    return opened(labels(plan.name), into=[(_engines(plan.groups), RPC_PORT), *scraped])


def exchanging(plan: StorePlan, group: str) -> Spec:
    """NetworkPolicy of a group's engines: the master, and pages from and to every engine of the store."""
    pages = {"protocol": "TCP", "port": FIRST_PORT, "endPort": LAST_PORT}
    engines = _engines(plan.groups)
    asked = {"podSelector": {"matchLabels": labels(plan.name)}}
    return {
        "podSelector": {"matchLabels": plan.groups[group]},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": engines, "ports": [pages]}],
        "egress": [
            {"to": [asked], "ports": [{"protocol": "TCP", "port": RPC_PORT}]},
            {"to": engines, "ports": [pages]},
        ],
    }


def _engines(groups: Mapping[str, dict[str, str]]) -> list[Spec]:
    return [{"podSelector": {"matchLabels": pods}} for pods in groups.values()]
