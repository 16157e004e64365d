"""An opening of a NetworkPolicy."""

from __future__ import annotations

from components.network_policies import opened, pods_of


def test_an_opening_without_peers_opens_nothing() -> None:
    spec = opened({"app": "x"}, into=[([], 80)])
    assert spec["policyTypes"] == ["Ingress"]
    assert "ingress" not in spec  # an empty `from` would be everybody


def test_an_opening_names_its_peers_and_its_port() -> None:
    spec = opened({"app": "x"}, out=[([pods_of("there", {"app": "y"})], 80)])
    assert spec["policyTypes"] == ["Egress"]
    assert spec["egress"] == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "there"}},
                    "podSelector": {"matchLabels": {"app": "y"}},
                }
            ],
            "ports": [{"protocol": "TCP", "port": 80}],
        }
    ]
