"""Who may talk to an engine, and whom it may talk to."""

from __future__ import annotations

from components.serving.network.policies import allow_dns, api, deny_all, https_out, within_group

NAME = {"leaderworkerset.sigs.k8s.io/name": "r1"}


def test_nothing_is_open_at_first() -> None:
    assert deny_all() == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_pod_may_resolve_names() -> None:
    (rule,) = allow_dns()["egress"]
    assert rule["to"][0]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    assert [(port["protocol"], port["port"]) for port in rule["ports"]] == [("UDP", 53), ("TCP", 53)]


def test_ranks_talk_to_ranks_of_their_own_set_on_every_port() -> None:
    policy = within_group(NAME)
    assert policy["ingress"] == [{"from": [{"podSelector": {"matchLabels": NAME}}]}]
    assert policy["egress"] == [{"to": [{"podSelector": {"matchLabels": NAME}}]}]


def test_the_api_is_open_to_prometheus_and_the_load_balancers_subnets() -> None:
    (rule,) = api(NAME, monitoring_namespace="monitoring", load_balancer_cidrs=["10.0.1.0/24"])["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 30000}]
    assert [sorted(source) for source in rule["from"]] == [["namespaceSelector", "podSelector"], ["ipBlock"]]


def test_with_neither_the_api_is_open_to_nobody() -> None:
    policy = api(NAME, monitoring_namespace=None, load_balancer_cidrs=[])
    assert "ingress" not in policy
    assert policy["policyTypes"] == ["Ingress"]


def test_the_way_out_spares_the_vpc_and_the_metadata_service() -> None:
    (rule,) = https_out(NAME, pod_identity=False, inside=["10.64.0.0/16"])["egress"]
    assert rule["to"][0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["10.64.0.0/16", "169.254.0.0/16"]}
    assert rule["ports"] == [{"protocol": "TCP", "port": 443}]


def test_credentials_come_from_the_pod_identity_agent() -> None:
    _, rule = https_out(NAME, pod_identity=True, inside=[])["egress"]
    assert rule == {
        "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}],
        "ports": [{"protocol": "TCP", "port": 80}],
    }
