"""Bad settings of the gateway: the path, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.aws.nodes.settings import SystemPoolSettings
from components.gateway.rules import rules as own_rules
from components.gateway.settings import GatewaySettings
from components.rules import Severity
from infra.rules import entry
from infra.rules.gateway import rules
from tests.unit.serving.builders import QWEN_8B, found, model, problems, stack

PUBLIC = {"scheme": "internet-facing", "host": "llm.example.com"}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
KEYS = [{"name": "team-a", "secret": "teamA"}]


def gateway(**changes: Any) -> GatewaySettings:
    """A gateway with one key and a safe entry, and what a test changes of it."""
    given = {"keys": KEYS, "entry": {"host": "llm.example.com", "certificateArn": CERTIFICATE}, **changes}
    return GatewaySettings.model_validate(given)


def whole(*models: Any, secrets: tuple[str, ...] = ("teamA",), **changes: Any) -> Any:
    """A stack of R1 and Qwen, or of `models`, behind that gateway."""
    served = models or (model(), model(QWEN_8B))
    pool = SystemPoolSettings.model_validate({"instanceType": "m7i.4xlarge", "nodes": 3})
    return stack(*served, gateway=gateway(**changes), secrets=list(secrets), system_pool=pool)


def test_a_plain_gateway_breaks_no_rule() -> None:
    assert problems(own_rules, gateway()) == []
    assert problems(rules, whole()) == []
    assert problems(entry.rules, whole()) == []


OWN: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "gateway.public-tls",
        {"entry": PUBLIC},
        "entry.certificateArn",
        "an internet-facing entry without a certificate speaks plain HTTP",
    ),
    (
        "gateway.public-cidrs",
        {"entry": PUBLIC},
        "entry.inboundCidrs",
        "an internet-facing entry admits nobody but the VPC",
    ),
    (
        "gateway.everybody",
        {"entry": {"inboundCidrs": ["0.0.0.0/0"]}},
        "entry.inboundCidrs[0]",
        "0.0.0.0/0 lets every address connect to an engine",
    ),
    (
        "gateway.cidr",
        {"entry": {"inboundCidrs": ["10.0.0.1/16"]}},
        "entry.inboundCidrs[0]",
        "10.0.0.1/16 is no network (10.0.0.1/16 has host bits set)",
    ),
    ("gateway.entry", {"entry": None}, "entry", "without an entry nobody reaches the gateway"),
    (
        "gateway.traffic",
        {"entry": {"traffic": {"r1": 100}}},
        "entry.traffic",
        "the load balancer has one gateway to send to",
    ),
    ("gateway.path", {"entry": {"path": "/v1"}}, "entry.path", "/v1 is where the API itself begins"),
    (
        "gateway.key-in-clear",
        {"entry": {"host": "llm.example.com"}},
        "entry.certificateArn",
        "clients send their key over plain HTTP",
    ),
    (
        "gateway.keys",
        {"keys": [*KEYS, {"name": "team-b", "secret": "teamA"}]},
        "keys[1].secret",
        "teamA is also keys[0]'s",
    ),
    (
        "gateway.limit-parts",
        {"keys": [{**KEYS[0], "concurrentRequests": 5}]},
        "keys[0].concurrentRequests",
        "5 is no multiple of the 2 replicas, so together they allow 6",
    ),
    (
        "gateway.route-target",
        {
            "routes": {
                "auto": {
                    "to": {"r1": 1},
                    "byComplexity": {"simple": "qwen", "medium": "qwen", "complex": "r1", "reasoning": "r1"},
                }
            }
        },
        "routes.auto",
        "it has both to and byComplexity",
    ),
]


@pytest.mark.parametrize(("rule", "changes", "path", "message"), OWN)
def test_a_bad_setting_is_named_with_its_path(rule: str, changes: dict[str, Any], path: str, message: str) -> None:
    assert (path, message) in found(own_rules, rule, gateway(**changes))


def test_routes_lead_to_models() -> None:
    assert found(rules, "gateway.models", whole(routes={"big": {"to": {"r2": 1}}, "small": {}})) == [
        ("gateway.routes.big.to.r2", "there is no model r2"),
        ("gateway.routes.small", "no model is served as small"),
    ]


def test_names_are_those_that_the_gateway_answers_to() -> None:
    tiers = {"simple": "qwen", "medium": "qwen", "complex": "r1", "reasoning": "o1"}
    settings = whole(
        routes={"r1": {"fallbacks": ["r1", "qwen3"]}, "auto": {"byComplexity": tiers}},
        keys=[{**KEYS[0], "models": ["auto", "gpt"]}],
    )
    assert found(rules, "gateway.names", settings) == [
        ("gateway.routes.r1.fallbacks[1]", "the gateway answers to no qwen3"),
        ("gateway.routes.auto.byComplexity.reasoning", "the gateway answers to no o1"),
        ("gateway.keys[0].models[1]", "the gateway answers to no gpt"),
        ("gateway.routes.r1.fallbacks[0]", "r1 falls back to itself"),
    ]


def test_one_name_is_one_model_or_versions_of_one() -> None:
    twins = (model(), model(QWEN_8B, servedName="r1"))
    assert found(rules, "gateway.served-names", whole(*twins)) == [
        (
            "models[1].servedName",
            "qwen and r1 are both served as r1, between which the gateway would choose at random",
        )
    ]
    assert found(rules, "gateway.served-names", whole(*twins, routes={"r1": {"to": {"r1": 9, "qwen": 1}}})) == []
    versions = (model(entry={"traffic": {"r1": 95, "next": 5}}), model(name="next", servedName="r1"))
    assert found(rules, "gateway.served-names", whole(*versions)) == []


def test_keys_are_secrets_of_the_stack() -> None:
    assert found(rules, "gateway.secrets", whole(secrets=())) == [
        ("gateway.keys[0].secret", "the stack has no secret teamA")
    ]


def test_gateways_fit_the_system_pool() -> None:
    settings = whole(model(router={"replicas": 10}), model(QWEN_8B), replicas=20)
    settings.system_pool = SystemPoolSettings.model_validate({"instanceType": "m7i.large", "nodes": 2})
    ((path, message),) = found(rules, "gateway.system-pods", settings)
    assert path == "gateway.replicas"
    assert message.endswith("the gateways need 21")


def test_production_is_advised_to_pin_a_digest() -> None:
    settings = whole()
    assert found(rules, "gateway.image-digest", settings) == []
    settings.protect = True
    assert found(rules, "gateway.image-digest", settings) == [
        ("gateway.image.digest", "the gateway's image has no digest")
    ]


def test_the_gateway_shares_the_load_balancer() -> None:
    settings = whole(model(entry={"host": "llm.example.com"}), model(QWEN_8B))
    assert found(entry.rules, "entry.host", settings) == [
        ("gateway.entry.host", "the gateway and r1 both answer llm.example.com")
    ]
    assert [path for path, _ in found(entry.rules, "entry.tls-mixed", settings)] == ["models[0].entry.certificateArn"]


def test_every_rule_of_the_gateway_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    every = [rule.id for rule in (*own_rules.rules, *rules.rules)]
    assert [rule for rule in every if f'"{rule}"' not in text] == []
    assert all(rule.severity in Severity for rule in own_rules.rules)
