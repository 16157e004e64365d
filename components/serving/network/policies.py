"""NetworkPolicies: nothing is open but what an engine needs.

EFA traffic passes them by, since it bypasses the kernel: there the security group holds. Between the ranks of a group
every port is open: gloo, NCCL and the data-parallel sockets choose theirs at run time, and what they carry is pickled,
so that nobody else may reach it (sglang 0.5.8 server_args.py:5325-5382, managers/scheduler.py:1197-1206).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.network_policies import LINK_LOCAL, POD_IDENTITY_ADDRESS, allow_dns, deny_all, pods_of, prometheus
from components.serving.engine.command import PORT
from components.serving.manifest import Spec

__all__ = ["allow_dns", "api", "deny_all", "https_out", "pods_of", "prometheus", "within_group"]


def within_group(pods: Mapping[str, str]) -> Spec:
    """All traffic between the ranks of a role; `pods` are the labels of its pods, as everywhere here."""
    peer = {"podSelector": {"matchLabels": dict(pods)}}
    return {
        "podSelector": {"matchLabels": dict(pods)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [peer]}],
        "egress": [{"to": [peer]}],
    }


def between(pods: Mapping[str, str], peers: Mapping[str, str]) -> Spec:
    """All traffic between the ranks of two phases that hand the KV cache over to each other.

    Every port is open: of the bootstrap port alone the number is known, and each rank binds a socket of its own at a
    free one (sglang disaggregation/common/conn.py: get_zmq_socket_on_host).
    """
    other = {"podSelector": {"matchLabels": dict(peers)}}
    return {
        "podSelector": {"matchLabels": dict(pods)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [other]}],
        "egress": [{"to": [other]}],
    }


def to_networks(pods: Mapping[str, str], networks: Sequence[str]) -> Spec:
    """TCP to every port of some networks, where a store's servers choose theirs."""
    return {
        "podSelector": {"matchLabels": dict(pods)},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": cidr}} for cidr in networks], "ports": [{"protocol": "TCP"}]}],
    }


def api(
    pods: Mapping[str, str],
    *,
    monitoring_namespace: str | None,
    load_balancer_cidrs: Sequence[str],
    routers: Mapping[str, Any] | None = None,
    clients: Sequence[Mapping[str, Any]] = (),
) -> Spec:
    """The API port, which also serves metrics without a key: Prometheus, the load balancer's subnets, and `clients` in
    the cluster. `routers` is the peer (`pods_of`) that sends the requests instead, where the model has routers.
    """
    sources: list[dict[str, Any]] = []
    if monitoring_namespace:
        sources.append(prometheus(monitoring_namespace))
    if routers:
        sources.append(dict(routers))
    sources += [dict(client) for client in clients]
    sources += [{"ipBlock": {"cidr": cidr}} for cidr in load_balancer_cidrs]
    policy: dict[str, Any] = {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Ingress"]}
    if sources:
        policy["ingress"] = [{"from": sources, "ports": [{"protocol": "TCP", "port": PORT}]}]
    return policy


def https_out(pods: Mapping[str, str], *, pod_identity: bool, inside: Sequence[str]) -> Spec:
    """HTTPS to the world but not to the networks `inside`; S3's addresses behind a gateway endpoint are public ones
    too. With `pod_identity` also to its agent.
    """
    egress: list[dict[str, Any]] = [
        {
            "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [*inside, LINK_LOCAL]}}],
            "ports": [{"protocol": "TCP", "port": 443}],
        }
    ]
    if pod_identity:
        egress.append({"to": [{"ipBlock": {"cidr": POD_IDENTITY_ADDRESS}}], "ports": [{"protocol": "TCP", "port": 80}]})
    return {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Egress"], "egress": egress}
