"""Who talks to a router, and whom it talks to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from components.serving.engine.command import PORT
from components.serving.manifest import Spec
from components.serving.network.policies import pods_of, prometheus
from components.serving.router.arguments import METRICS_PORT

API_SERVICE_CIDRS: Final = ("10.100.0.1/32", "172.20.0.1/32")
"""The Service of the Kubernetes API: the first address of either network that EKS takes for Services (EKS API,
KubernetesNetworkConfigRequest). The VPC CNI judges a packet before its address is translated
(amazon-network-policy-controller-k8s#222), so that the control plane's subnets alone would not do."""


def serving(
    labels: Mapping[str, str],
    *,
    monitoring_namespace: str | None,
    load_balancer_cidrs: Sequence[str],
    clients: Sequence[Mapping[str, Any]] = (),
) -> Spec:
    """Requests from the load balancer's subnets and `clients` in the cluster, and Prometheus at the metrics port."""
    ingress: list[dict[str, Any]] = []
    sources = [*map(dict, clients), *({"ipBlock": {"cidr": cidr}} for cidr in load_balancer_cidrs)]
    if sources:
        ingress.append({"from": sources, "ports": [_tcp(PORT)]})
    if monitoring_namespace:
        ingress.append({"from": [prometheus(monitoring_namespace)], "ports": [_tcp(METRICS_PORT)]})
    policy: dict[str, Any] = {"podSelector": {"matchLabels": dict(labels)}, "policyTypes": ["Ingress"]}
    return {**policy, "ingress": ingress} if ingress else policy


def routing(
    labels: Mapping[str, str],
    leaders: Iterable[Mapping[str, str]],
    engines_namespace: str,
    api_server_cidrs: Sequence[str],
) -> Spec:
    """The leaders of the model's groups, given by the labels of each role's, and the Kubernetes API, which tells who
    they are.
    """
    api_server = [{"ipBlock": {"cidr": cidr}} for cidr in (*API_SERVICE_CIDRS, *api_server_cidrs)]
    return {
        "podSelector": {"matchLabels": dict(labels)},
        "policyTypes": ["Egress"],
        "egress": [
            {"to": [pods_of(engines_namespace, dict(of_role)) for of_role in leaders], "ports": [_tcp(PORT)]},
            {"to": api_server, "ports": [_tcp(443)]},
        ],
    }


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}
