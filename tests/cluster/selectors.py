"""Label selectors and NetworkPolicies, evaluated on live objects: who is selected, who may speak to whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.client import Client, Manifest, labels_of, name_of, namespace_of


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a `LabelSelector` selects labels; an empty selector selects everything, none selects nothing."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _matches(expression, labels) for expression in expressions
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case operator:
            raise ValueError(f"no such operator: {operator}")


@dataclass(frozen=True, slots=True)
class Reach:
    """What the NetworkPolicies of a cluster let through, by the rules of networking.k8s.io/v1.

    A place is a pod's manifest or an IP address outside the cluster.
    """

    policies: list[Manifest]
    namespaces: dict[str, dict[str, str]]

    @classmethod
    def of(cls, client: Client) -> Reach:
        """The policies and namespaces that are there now."""
        namespaces = {name_of(each): labels_of(each) for each in client.find_all("v1", "Namespace")}
        return cls(client.find_all("networking.k8s.io/v1", "NetworkPolicy"), namespaces)

    def allows(self, source: Manifest | str, target: Manifest | str, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` may open a connection to `port` of `target`: both ends have a say."""
        leaves = isinstance(source, str) or self._passes(source, target, target, port, protocol, "Egress")
        return leaves and (isinstance(target, str) or self._passes(target, source, target, port, protocol, "Ingress"))

    def _passes(
        self, pod: Manifest, peer: Manifest | str, target: Manifest | str, port: int, protocol: str, direction: str
    ) -> bool:
        applying = [policy for policy in self.policies if self._applies(policy, pod, direction)]
        if not applying:
            return True
        peers, rules = ("to", "egress") if direction == "Egress" else ("from", "ingress")
        return any(
            self._peer_fits(rule.get(peers), peer, policy) and _port_fits(rule.get("ports"), target, port, protocol)
            for policy in applying
            for rule in policy["spec"].get(rules) or []
        )

    def _applies(self, policy: Manifest, pod: Manifest, direction: str) -> bool:
        types = policy["spec"].get("policyTypes") or ["Ingress"]
        same = namespace_of(policy) == namespace_of(pod)
        return direction in types and same and selects(policy["spec"].get("podSelector", {}), labels_of(pod))

    def _peer_fits(self, peers: Iterable[Mapping[str, Any]] | None, place: Manifest | str, policy: Manifest) -> bool:
        return not peers or any(self._is_peer(peer, place, policy) for peer in peers)

    def _is_peer(self, peer: Mapping[str, Any], place: Manifest | str, policy: Manifest) -> bool:
        if block := peer.get("ipBlock"):
            return isinstance(place, str) and _in_block(block, place)
        if isinstance(place, str):
            return False
        if "namespaceSelector" in peer:
            inside = selects(peer["namespaceSelector"], self.namespaces[namespace_of(place) or ""])
        else:
            inside = namespace_of(place) == namespace_of(policy)
        return inside and selects(peer.get("podSelector", {}), labels_of(place))


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    place = ipaddress.ip_address(address)
    outside = (place in ipaddress.ip_network(each) for each in block.get("except") or [])
    return place in ipaddress.ip_network(block["cidr"]) and not any(outside)


def _port_fits(ports: Iterable[Mapping[str, Any]] | None, target: Manifest | str, port: int, protocol: str) -> bool:
    return not ports or any(_is_port(each, target, port, protocol) for each in ports)


def _is_port(wanted: Mapping[str, Any], target: Manifest | str, port: int, protocol: str) -> bool:
    if wanted.get("protocol", "TCP") != protocol:
        return False
    first = wanted.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return first in _names(target, port)
    return first <= port <= wanted.get("endPort", first)


def _names(target: Manifest | str, port: int) -> set[str]:
    if isinstance(target, str):
        return set()
    declared = [each for container in target["spec"]["containers"] for each in container.get("ports") or []]
    return {each["name"] for each in declared if each["containerPort"] == port and "name" in each}
