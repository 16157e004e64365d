"""The reading of selectors and NetworkPolicies, on cases of the Kubernetes documentation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.client import Manifest
from tests.cluster.selectors import Reach, selects

ENGINE = {"app": "engine", "rank": "0"}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        (None, False),
        ({"matchLabels": {"app": "engine"}}, True),
        ({"matchLabels": {"app": "engine", "rank": "1"}}, False),
        ({"matchExpressions": [{"key": "rank", "operator": "In", "values": ["0", "1"]}]}, True),
        ({"matchExpressions": [{"key": "rank", "operator": "NotIn", "values": ["0"]}]}, False),
        ({"matchExpressions": [{"key": "role", "operator": "NotIn", "values": ["router"]}]}, True),
        ({"matchExpressions": [{"key": "rank", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "rank", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_selector_selects(selector: dict[str, Any] | None, selected: bool):
    assert selects(selector, ENGINE) is selected


def test_without_a_policy_everybody_may_speak():
    assert _reach().allows(_pod("client"), _pod("engine"), 30000)


def test_a_policy_without_rules_closes_the_pods_that_it_selects():
    reach = _reach(_policy({}, ingress=[]))
    assert not reach.allows(_pod("client"), _pod("engine"), 30000)
    assert reach.allows(_pod("client"), _pod("engine", namespace="other"), 30000)


def test_policies_add_up():
    opens = _policy({"app": "engine"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "router"}}}]}])
    reach = _reach(_policy({}, ingress=[]), opens)
    assert reach.allows(_pod("router"), _pod("engine"), 30000)
    assert not reach.allows(_pod("client"), _pod("engine"), 30000)
    assert not reach.allows(_pod("router", namespace="other"), _pod("engine"), 30000)


def test_a_namespace_selector_and_a_pod_selector_in_one_peer_must_both_fit():
    peer = {"namespaceSelector": {"matchLabels": {"name": "other"}}, "podSelector": {"matchLabels": {"app": "prom"}}}
    reach = _reach(_policy({}, ingress=[{"from": [peer]}]))
    assert reach.allows(_pod("prom", namespace="other"), _pod("engine"), 30000)
    assert not reach.allows(_pod("client", namespace="other"), _pod("engine"), 30000)
    assert not reach.allows(_pod("prom"), _pod("engine"), 30000)


def test_ports_may_be_named_numbered_or_a_range():
    for port in ({"port": "http"}, {"port": 30000}, {"port": 29000, "endPort": 31000}):
        reach = _reach(_policy({}, ingress=[{"ports": [port]}]))
        assert reach.allows(_pod("client"), _pod("engine"), 30000)
        assert not reach.allows(_pod("client"), _pod("engine"), 22)
        assert not reach.allows(_pod("client"), _pod("engine"), 30000, "UDP")


def test_egress_is_the_source_s_say_and_blocks_have_exceptions():
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    reach = _reach(_policy({"app": "engine"}, egress=[{"to": [block]}]))
    assert reach.allows(_pod("engine"), "203.0.113.7", 443)
    assert not reach.allows(_pod("engine"), "10.1.2.3", 443)
    assert not reach.allows(_pod("engine"), _pod("client"), 443)
    assert reach.allows(_pod("client"), _pod("engine"), 443)


def _reach(*policies: Manifest) -> Reach:
    return Reach(list(policies), {"inference": {"name": "inference"}, "other": {"name": "other"}})


def _policy(labels: dict[str, str], **rules: list[dict[str, Any]]) -> Manifest:
    types = [direction.capitalize() for direction in rules]
    spec = {"podSelector": {"matchLabels": labels}, "policyTypes": types, **rules}
    return {"metadata": {"name": "policy", "namespace": "inference"}, "spec": spec}


def _pod(app: str, namespace: str = "inference") -> Manifest:
    ports = [{"name": "http", "containerPort": 30000}]
    return {
        "metadata": {"name": app, "namespace": namespace, "labels": {"app": app}},
        "spec": {"containers": [{"ports": ports}]},
    }
