"""Parts of NetworkPolicies that every room needs: closed by default, with one opening at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Spec = Any
"""A NetworkPolicy's `spec`, or a peer in it, under Kubernetes' own keys; contract tests hold it against the schema."""

POD_IDENTITY_ADDRESS: Final = "169.254.170.23/32"
"""Where the EKS Pod Identity agent hands out credentials, on port 80."""

LINK_LOCAL: Final = "169.254.0.0/16"


def deny_all() -> Spec:
    """Nothing in or out for every pod of the namespace, until another policy says otherwise."""
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def allow_dns() -> Spec:
    """Name resolution for every pod of the namespace."""
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [pods_of("kube-system", {"k8s-app": "kube-dns"})],
                "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
            }
        ],
    }


def prometheus(namespace: str) -> Spec:
    """Prometheus as a peer."""
    return pods_of(namespace, {"app.kubernetes.io/name": "prometheus"})


def pods_of(namespace: str, labels: Mapping[str, str]) -> Spec:
    """The pods of a namespace with all of `labels`, as a peer; without labels all of its pods."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": dict(labels)} if labels else {},
    }


def opened(
    labels: Mapping[str, str],
    *,
    into: Sequence[tuple[Sequence[Spec], int]] = (),
    out: Sequence[tuple[Sequence[Spec], int]] = (),
) -> Spec:
    """What pods with `labels` accept (`into`) and reach (`out`): peers with the TCP port that is open for them.

    An opening without peers opens nothing, where Kubernetes reads an empty list of peers as everybody.
    """
    spec: Spec = {"podSelector": {"matchLabels": dict(labels)}, "policyTypes": []}
    for direction, key, peer, openings in (("Ingress", "ingress", "from", into), ("Egress", "egress", "to", out)):
        if openings:
            spec["policyTypes"].append(direction)
        if rules := [
            {peer: [dict(one) for one in peers], "ports": [{"protocol": "TCP", "port": port}]}
            for peers, port in openings
            if peers
        ]:
            spec[key] = rules
    return spec


def aws_apis() -> list[tuple[list[Spec], int]]:
    """HTTPS to AWS, by its public addresses or by endpoints in the VPC, and the agent that hands out credentials."""
    return [
        ([{"ipBlock": {"cidr": "0.0.0.0/0", "except": [LINK_LOCAL]}}], 443),
        ([{"ipBlock": {"cidr": POD_IDENTITY_ADDRESS}}], 80),
    ]
