"""Models that may have no group: what KEDA is told of them, and bad settings with path and message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.gateway.settings import GatewaySettings
from components.serving.autoscaling.objects import scaled_object
from components.serving.router.objects import deployment
from infra.rules.sleeping import rules
from tests.unit.serving.builders import QWEN_8B, R1, apart, found, model, plan, problems, stack

ZERO = {"minReplicas": 0, "maxReplicas": 2}
UNSET = {key: value for key, value in R1.items() if key != "replicas"}
KEYS = [{"name": "team-a", "secret": "teamA"}]


def behind(*models: Any, **changes: Any) -> Any:
    """R1, which may have no group, and Qwen behind a gateway."""
    served = models or (model(UNSET, autoscaling=ZERO), model(QWEN_8B))
    return stack(*served, gateway=GatewaySettings.model_validate({"keys": KEYS, **changes}))


def planned(**scaling: Any) -> Any:
    """The spec of a ScaledObject of R1."""
    group = plan(UNSET, autoscaling={**ZERO, **scaling}).front
    assert group.scaling is not None
    return scaled_object(group, group.scaling, "http://prometheus:9090")


def test_it_begins_with_a_group_and_loses_it_after_the_idle_time() -> None:
    assert plan(UNSET, autoscaling=ZERO).replicas == 1
    spec = planned(zero={"idleMinutes": 60})
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 2)
    # A request counts as just come for five minutes, after which the rest of the hour begins.
    assert spec["cooldownPeriod"] == spec["initialCooldownPeriod"] == 55 * 60
    assert spec["pollingInterval"] == 15


def test_one_that_stays_has_neither_cooldown_nor_polling_interval() -> None:
    group = plan(UNSET, autoscaling={"minReplicas": 1, "maxReplicas": 2}).front
    assert group.scaling is not None
    spec = scaled_object(group, group.scaling, "http://prometheus:9090")
    assert not {"cooldownPeriod", "initialCooldownPeriod", "pollingInterval"} & set(spec)
    assert all("activationThreshold" not in trigger["metadata"] for trigger in spec["triggers"])


def test_without_an_answer_the_last_group_stays() -> None:
    """A fallback of 0 groups would take it away (tests/cluster/test_scaling.py plays what KEDA makes of this one)."""
    assert planned()["fallback"] == {"failureThreshold": 3, "replicas": 1, "behavior": "currentReplicas"}
    assert planned(fallback={"replicas": 2})["fallback"]["replicas"] == 2


def test_only_what_wants_a_group_brings_the_first_one() -> None:
    first, *others = planned(cron=[{"start": "0 8 * * *", "end": "0 18 * * *", "replicas": 1}])["triggers"]
    assert first["name"] == "wanted"
    assert "activationThreshold" not in first["metadata"]
    asked = [trigger for trigger in others if trigger["type"] == "prometheus"]
    assert asked
    assert all(each["metadata"]["activationThreshold"] == each["metadata"]["threshold"] for each in asked)
    assert all(each["metadata"]["ignoreNullValues"] == "false" for each in [first, *asked])


def test_requests_are_counted_where_the_gateway_sends_them() -> None:
    direct, routed = plan(UNSET, autoscaling=ZERO), plan(UNSET, autoscaling=ZERO, router={})
    for each in (direct, routed):
        assert each.front.scaling is not None
        assert f'api_base="{each.endpoint}"' in each.front.scaling.triggers[0].metadata["query"]
    assert direct.endpoint != routed.endpoint
    assert "litellm" not in planned(zero={"onRequest": False}, cron=[])["triggers"][0]["metadata"]["query"]


def test_routers_of_a_model_without_a_group_are_ready_all_the_same() -> None:
    def ready(**changes: Any) -> str:
        router = plan(QWEN_8B, instance_type="g6e.xlarge", router={}, **changes).router
        assert router is not None
        (container,) = deployment(router, node_selector={}, annotations={}, key_secret=None)["template"]["spec"][
            "containers"
        ]
        return str(container["readinessProbe"]["httpGet"]["path"])

    assert ready() == "/readiness"
    assert ready(autoscaling=ZERO) == "/liveness"


def test_a_model_behind_the_gateway_breaks_no_rule_with_a_fallback() -> None:
    settings = behind(routes={"r1": {"fallbacks": ["qwen"]}})
    assert problems(rules, settings) == []


def test_zero_takes_a_gateway_that_asks_for_the_model() -> None:
    alone = stack(model(UNSET, autoscaling=ZERO))
    said = "0 groups answer nobody, and no metric of theirs would ever start one again"
    assert found(rules, "autoscaling.zero", alone) == [("models[0].autoscaling.minReplicas", said)]
    passed_over = behind(routes={"r1": {"to": {"qwen": 1}}})
    assert found(rules, "autoscaling.zero", passed_over) == [
        ("models[0].autoscaling.minReplicas", f"{said}; the gateway sends r1 nothing")
    ]


def test_phases_keep_a_group() -> None:
    split = apart(prefill={"autoscaling": {**ZERO}})
    assert found(rules, "autoscaling.zero-phases", behind(model(split))) == [
        (
            "models[0].disaggregation.prefill.autoscaling.minReplicas",
            "without prefill groups the other phase serves nobody",
        )
    ]


def test_no_entry_leads_past_the_gateway() -> None:
    own = model(UNSET, autoscaling=ZERO, entry={"host": "r1.example.com"})
    assert found(rules, "autoscaling.zero-entry", behind(own)) == [
        (
            "models[0].autoscaling.minReplicas",
            "requests by the entry of r1 would find no group and bring none back",
        )
    ]
    shared = model(QWEN_8B, entry={"host": "x.example.com", "traffic": {"qwen": 90, "r1": 10}})
    assert found(rules, "autoscaling.zero-entry", behind(shared, model(UNSET, autoscaling=ZERO))) == [
        (
            "models[1].autoscaling.minReplicas",
            "requests by the entry of qwen would find no group and bring none back",
        )
    ]


def test_a_fallback_is_advised() -> None:
    assert found(rules, "autoscaling.zero-fallback", behind()) == [
        (
            "gateway.routes.r1.fallbacks",
            "while r1 has no group, requests for r1 are answered 503 until one has loaded",
        )
    ]


def test_idle_nodes_are_told_where_nobody_else_uses_them() -> None:
    assert found(rules, "autoscaling.zero-pool", behind(model(UNSET, autoscaling=ZERO))) == [
        (
            "models[0].autoscaling.minReplicas",
            "without a group the 4 nodes of gpu stand idle, and cost as much as before",
        )
    ]
    assert found(rules, "autoscaling.zero-pool", behind()) == []


def test_every_rule_of_sleeping_models_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.id for rule in rules.rules if f'"{rule.id}"' not in text] == []
