"""Budgets at the gateway: what LiteLLM is told, and bad settings with their path and message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.gateway.configuration import configuration, key_rights
from components.gateway.plan import plan_gateway
from components.gateway.settings import GatewaySettings
from infra.rules.budgets import rules
from tests.unit.gateway.test_gateway_rules import KEYS, whole
from tests.unit.serving.builders import QWEN_8B, R1, found, plan, problems

PRICES = {name: {"inputDollarsPerMillion": 1, "outputDollarsPerMillion": 4} for name in ("r1", "qwen")}
TIERS = {"simple": "qwen", "medium": "qwen", "complex": "r1", "reasoning": "r1"}


def key(**budgets: Any) -> list[dict[str, Any]]:
    """The one key, with budgets by name."""
    return [{**KEYS[0], "budgets": budgets}]


def test_each_replica_enforces_its_part_of_a_budget() -> None:
    settings = GatewaySettings.model_validate(
        {
            "replicas": 4,
            "keys": key(r1={"dollars": 10, "periodHours": 168, "fallbacks": ["qwen"]}, qwen={"dollars": 2}),
            "prices": PRICES,
            "routes": {"r1": {"budget": {"dollars": 100}}},
        }
    )
    (rights,) = key_rights(settings.keys, {"teamA": "sk-secret"}, settings.replicas).values()
    assert rights["model_max_budget"] == {
        "r1": {"max_budget": 2.5, "budget_duration": "168h"},
        "qwen": {"max_budget": 0.5, "budget_duration": "24h"},
    }
    assert rights["budget_fallbacks"] == {"r1": ["qwen"]}
    models = plan(R1), plan(QWEN_8B, instance_type="g6e.xlarge")
    listed = configuration(plan_gateway(settings, models))["model_list"]
    params = {each["model_name"]: each["litellm_params"] for each in listed}
    assert params["r1"].items() >= {"max_budget": 25, "budget_duration": "24h"}.items()
    assert params["qwen"].items() >= {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}.items()
    assert "max_budget" not in params["qwen"]


def test_budgets_with_prices_break_no_rule() -> None:
    settings = whole(prices=PRICES, keys=key(r1={"dollars": 5, "fallbacks": ["qwen"]}))
    assert problems(rules, settings) == []


def test_prices_are_of_models() -> None:
    assert found(rules, "gateway.prices", whole(prices={"r2": PRICES["r1"]})) == [
        ("gateway.prices.r2", "there is no model r2")
    ]


def test_names_with_budgets_are_known_and_the_keys_own() -> None:
    budgets = key(r2={"dollars": 1}, r1={"dollars": 1, "fallbacks": ["gpt"]})
    assert found(rules, "gateway.budget-names", whole(prices=PRICES, keys=budgets)) == [
        ("gateway.keys[0].budgets.r2", "the gateway answers to no r2"),
        ("gateway.keys[0].budgets.r1.fallbacks[0]", "the gateway answers to no gpt"),
    ]
    narrow = [{**key(r1={"dollars": 1, "fallbacks": ["qwen"]})[0], "models": ["r1"]}]
    assert found(rules, "gateway.budget-names", whole(prices=PRICES, keys=narrow)) == [
        ("gateway.keys[0].budgets.r1.fallbacks[0]", "team-a may not ask for qwen")
    ]


def test_what_has_a_budget_has_a_price() -> None:
    free = {"qwen": {"inputDollarsPerMillion": 0, "outputDollarsPerMillion": 0}}
    settings = whole(prices=free, keys=key(qwen={"dollars": 1}), routes={"r1": {"budget": {"dollars": 1}}})
    assert found(rules, "gateway.budget-prices", settings) == [
        ("gateway.routes.r1.budget", "r1, which answers to r1, costs nothing, so the budget is never spent"),
        ("gateway.keys[0].budgets.qwen", "qwen, which answers to qwen, costs nothing, so the budget is never spent"),
    ]


def test_what_the_prompt_chooses_has_no_budget_of_its_own() -> None:
    routes = {"auto": {"byComplexity": TIERS, "budget": {"dollars": 1}}}
    said = "auto is chosen by the prompt: what it costs is counted for the names in byComplexity"
    assert found(rules, "gateway.budget-by-prompt", whole(prices=PRICES, routes=routes)) == [
        ("gateway.routes.auto.budget", said)
    ]


def test_a_name_with_several_models_has_no_budget() -> None:
    routes = {"mix": {"to": {"r1": 1, "qwen": 1}, "budget": {"dollars": 1}}}
    assert found(rules, "gateway.budget-one-model", whole(prices=PRICES, routes=routes)) == [
        ("gateway.routes.mix.budget", "mix is answered by r1 and qwen, and each would have a budget of its own")
    ]


def test_a_way_around_a_budget_is_told() -> None:
    routes = {"auto": {"byComplexity": TIERS}}
    budgets = key(r1={"dollars": 1})
    assert found(rules, "gateway.budget-around", whole(prices=PRICES, routes=routes, keys=budgets)) == [
        ("gateway.keys[0].models", "team-a has a budget on r1, and auto leads there without asking it")
    ]
    for other in ({"to": {"r1": 1}}, {"to": {"qwen": 1}, "fallbacks": ["r1"]}):
        assert found(rules, "gateway.budget-around", whole(prices=PRICES, routes={"other": other}, keys=budgets)) == [
            ("gateway.keys[0].models", "team-a has a budget on r1, and other leads there without asking it")
        ]
    named = [{**budgets[0], "models": ["r1", "qwen"]}]
    assert found(rules, "gateway.budget-around", whole(prices=PRICES, routes=routes, keys=named)) == []


def test_more_budgets_than_counters_are_refused() -> None:
    budgets = {name: {"dollars": 1} for name in ("r1", "qwen")}
    keys = [{"name": f"k{number}", "secret": f"s{number}", "budgets": budgets} for number in range(41)]
    assert found(rules, "gateway.budget-counters", whole(prices=PRICES, keys=keys)) == [
        ("gateway.keys", "82 budgets of 41 keys take 205 counters, of which a gateway keeps 200")
    ]
    assert found(rules, "gateway.budget-counters", whole(prices=PRICES, keys=keys[:40])) == []


def test_every_rule_of_budgets_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.id for rule in rules.rules if f'"{rule.id}"' not in text] == []
