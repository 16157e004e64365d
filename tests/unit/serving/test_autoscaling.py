"""Autoscaling: bad settings with path and message, and what a good one comes to."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from components.facts.engines import SUPPORTED, engine
from components.monitoring.monitors import EngineTarget
from components.rules import Severity
from components.serving.autoscaling import queries
from components.serving.autoscaling.cron import faults
from components.serving.autoscaling.objects import scaled_object
from components.serving.autoscaling.plan import DEFAULTS, plan_scaling
from components.serving.autoscaling.ratio import Ratio, companion, ratio_of
from components.serving.autoscaling.settings import AutoscalingSettings
from components.serving.disaggregation.settings import DisaggregationSettings
from components.serving.plan import GroupPlan
from components.serving.rules import rules
from infra.rules import autoscaling as across
from tests.unit.serving.builders import QWEN_8B, R1, apart, found, model, plan, pool, problems, stack

LIMITS = {"minReplicas": 1, "maxReplicas": 2}
UNSET = {key: value for key, value in R1.items() if key != "replicas"}
EIGHT_TO_SIX = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "replicas": 2}

BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "autoscaling.limits",
        {"autoscaling": {"minReplicas": 3, "maxReplicas": 2}},
        "autoscaling.maxReplicas",
        "2 is less than minReplicas 3",
    ),
    (
        "autoscaling.zero-trigger",
        {"autoscaling": {"minReplicas": 0, "maxReplicas": 2, "zero": {"onRequest": False}}},
        "autoscaling.zero.onRequest",
        "neither a request nor a time would ever bring a group back",
    ),
    (
        "autoscaling.zero-unused",
        {"autoscaling": {**LIMITS, "zero": {"idleMinutes": 60}}},
        "autoscaling.zero",
        "minReplicas is 1, so the last group never goes",
    ),
    (
        "autoscaling.fallback",
        {"autoscaling": {"minReplicas": 0, "maxReplicas": 2, "fallback": {"replicas": 0}}},
        "autoscaling.fallback.replicas",
        "0 would take the last group away whenever Prometheus does not answer",
    ),
    (
        "autoscaling.start",
        {"replicas": 3, "autoscaling": LIMITS},
        "replicas",
        "3 is not between minReplicas 1 and maxReplicas 2 of autoscaling",
    ),
    (
        "autoscaling.equal",
        {"autoscaling": {"minReplicas": 2, "maxReplicas": 2}},
        "autoscaling.maxReplicas",
        "nothing scales: both limits are 2",
    ),
    (
        "autoscaling.no-trigger",
        {"autoscaling": {**LIMITS, "triggers": {"queuedRequests": 0, "kvUsage": 0}}},
        "autoscaling.triggers",
        "every signal is 0 and there is neither a query nor a time, so nothing would ever scale",
    ),
    (
        "autoscaling.name-twice",
        {"autoscaling": {**LIMITS, "queries": [{"name": "queue", "query": "1", "perGroup": 1}]}},
        "autoscaling.queries[0].name",
        "another trigger is called queue",
    ),
    (
        "autoscaling.cron",
        {"autoscaling": {**LIMITS, "cron": [{**EIGHT_TO_SIX, "start": "0 25 * * *"}]}},
        "autoscaling.cron[0].start",
        "'25' is no hour (0 to 23)",
    ),
    (
        "autoscaling.cron",
        {"autoscaling": {**LIMITS, "cron": [{**EIGHT_TO_SIX, "end": "0 8 * * 1-5"}]}},
        "autoscaling.cron[0].end",
        "it ends when it starts, at 0 8 * * 1-5",
    ),
    (
        "autoscaling.cron",
        {"autoscaling": {**LIMITS, "cron": [{**EIGHT_TO_SIX, "timezone": "Europe/Entenhausen"}]}},
        "autoscaling.cron[0].timezone",
        "Europe/Entenhausen is not in the time zone database",
    ),
    (
        "autoscaling.cron-limits",
        {"autoscaling": {**LIMITS, "cron": [{**EIGHT_TO_SIX, "replicas": 3}]}},
        "autoscaling.cron[0].replicas",
        "3 is more than maxReplicas 2",
    ),
    (
        "autoscaling.fallback",
        {"autoscaling": {**LIMITS, "fallback": {"replicas": 4}}},
        "autoscaling.fallback.replicas",
        "4 is not between minReplicas 1 and maxReplicas 2",
    ),
    (
        "autoscaling.hasty-down",
        {"autoscaling": {**LIMITS, "stabilisation": {"downSeconds": 30}}},
        "autoscaling.stabilisation.downSeconds",
        "a lull of 30 s gives up a group that takes minutes to load again",
    ),
]


def phases(most: int = 2, most_decode: int = 4, **changes: Any) -> dict[str, Any]:
    """Two phases that scale between one group and so many."""
    scaled = {
        "prefill": {"autoscaling": {"maxReplicas": most}},
        "decode": {"autoscaling": {"maxReplicas": most_decode}},
    }
    return apart(**{**scaled, **changes})


RATIO_OF_2 = {"ratio": {"leastDecodePerPrefill": 1, "mostDecodePerPrefill": 2}}

BAD_PHASES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "autoscaling.unmeasured",
        phases(prefill={"autoscaling": {"maxReplicas": 2, "triggers": {"itlSeconds": 0.1}}}),
        "disaggregation.prefill.autoscaling.triggers.itlSeconds",
        "prefill groups generate no tokens after the first: this stays 0",
    ),
    (
        "autoscaling.ratio-order",
        phases(ratio={"leastDecodePerPrefill": 3, "mostDecodePerPrefill": 2}),
        "disaggregation.ratio",
        "leastDecodePerPrefill 3 is more than mostDecodePerPrefill 2",
    ),
    (
        "autoscaling.ratio-limits",
        phases(2, 8, **RATIO_OF_2),
        "disaggregation.decode.autoscaling.maxReplicas",
        "8 decode groups need 4 prefill groups (at most 2 for each), and there may be 2",
    ),
    (
        "autoscaling.ratio-limits",
        phases(4, 2, **RATIO_OF_2),
        "disaggregation.prefill.autoscaling.maxReplicas",
        "4 prefill groups need 4 decode groups (at least 1 for each), and there may be 2",
    ),
    (
        "autoscaling.ratio-limits",
        apart(decode={"autoscaling": {"maxReplicas": 4}}),
        "disaggregation.decode.autoscaling.maxReplicas",
        "4 decode groups need 2 prefill groups (at most 2 for each), and there may be 1",
    ),
    (
        "autoscaling.ratio-stuck",
        phases(4, 4, ratio={"leastDecodePerPrefill": 1, "mostDecodePerPrefill": 1}),
        "disaggregation.ratio",
        "2 prefill and 2 decode groups would hold each other up and never get fewer: each needs the other with 1 to 1 "
        "decode groups for each prefill group",
    ),
]


@pytest.mark.parametrize(("rule", "changes", "path", "message"), BAD)
def test_a_bad_setting_is_named_with_its_path(rule: str, changes: dict[str, Any], path: str, message: str) -> None:
    assert (path, message) in found(rules, rule, model(**changes))


@pytest.mark.parametrize(("rule", "base", "path", "message"), BAD_PHASES)
def test_bad_settings_of_phases_are_named_with_their_path(
    rule: str, base: dict[str, Any], path: str, message: str
) -> None:
    assert (path, message) in found(rules, rule, model(base))


def test_every_rule_has_a_bad_setting() -> None:
    tabled = {rule for rule, *_ in [*BAD, *BAD_PHASES]}
    assert {rule.id for rule in rules.rules if rule.id.startswith("autoscaling.")} == tabled


def test_phases_that_scale_are_good() -> None:
    assert _graver_than_advice(model(phases())) == []
    assert _graver_than_advice(model(phases(2, 4, **RATIO_OF_2))) == []
    assert _graver_than_advice(model(apart(ratio={"mostDecodePerPrefill": 1}))) == []


def test_limits_alone_are_good() -> None:
    assert _graver_than_advice(model(autoscaling=LIMITS)) == []
    assert _graver_than_advice(model(autoscaling={**LIMITS, "cron": [EIGHT_TO_SIX]})) == []


def _graver_than_advice(settings: Any) -> list[str]:
    return [str(each) for each in problems(rules, settings) if each.severity is not Severity.ADVICE]


@pytest.mark.parametrize(
    "changes", [{"maxReplicas": 0}, {"maxReplicas": 257}, {"maxReplicas": 2, "triggers": {"kvUsage": 1.5}}]
)
def test_what_no_group_can_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(autoscaling=changes)


def _stack(*models: Any, keda: bool = True, monitoring: bool = True, nodes: int = 4) -> Any:
    return stack(
        *models,
        pools=[pool(nodes=nodes)],
        platform=SimpleNamespace(keda=SimpleNamespace(enabled=keda)),
        monitoring=SimpleNamespace(enabled=monitoring),
    )


def test_the_most_groups_have_their_nodes() -> None:
    settings = _stack(model(UNSET, autoscaling={"maxReplicas": 3}))
    assert found(across.rules, "autoscaling.no-room", settings) == [
        ("models[0].autoscaling.maxReplicas", "pool gpu has 4 nodes, at their most its models need 6 (r1 6)")
    ]
    (problem,) = problems(across.rules, settings)
    assert problem.fix == "set maxReplicas: 2, or nodePools gpu nodes: 6"


def test_models_share_the_room_of_their_pool() -> None:
    other = model(QWEN_8B, parallelism={"tensor": 8})
    scaled = model(UNSET, autoscaling={"maxReplicas": 2})
    assert found(across.rules, "autoscaling.no-room", _stack(scaled)) == []
    assert found(across.rules, "autoscaling.no-room", _stack(scaled, other)) == [
        ("models[0].autoscaling.maxReplicas", "pool gpu has 4 nodes, at their most its models need 5 (r1 4, qwen 1)")
    ]
    (problem,) = problems(across.rules, _stack(scaled, other))
    assert problem.fix == "set nodePools gpu nodes: 5, or leave autoscaling out"


def test_packed_pods_share_nodes_at_their_most_too() -> None:
    packed = {**QWEN_8B, "packing": {"gpusPerPod": 1}, "autoscaling": {"maxReplicas": 16}}
    assert found(across.rules, "autoscaling.no-room", _stack(model(packed), nodes=2)) == []
    assert found(across.rules, "autoscaling.no-room", _stack(model(packed), nodes=1)) == [
        ("models[0].autoscaling.maxReplicas", "pool gpu has 1 node, at their most its models need 2 (qwen 2)")
    ]


def test_somebody_scales_and_somebody_measures() -> None:
    scaled = model(UNSET, autoscaling=LIMITS)
    assert found(across.rules, "autoscaling.keda", _stack(scaled, keda=False)) == [
        ("models[0].autoscaling", "KEDA is off (platform.keda.enabled), so nobody would scale")
    ]
    assert found(across.rules, "autoscaling.prometheus", _stack(scaled, monitoring=False)) == [
        ("models[0].autoscaling", "monitoring is off, so nobody measures the queue")
    ]
    assert problems(across.rules, _stack(scaled)) == []
    fixed = model(UNSET, autoscaling={"minReplicas": 2, "maxReplicas": 2})
    assert problems(across.rules, _stack(fixed, keda=False, monitoring=False)) == []


@pytest.mark.parametrize("expression", ["0 8 * * 1-5", "*/5 0-23/2 1,15 jan-mar ?", "59 23 31 12 sun"])
def test_cron_expressions_that_keda_reads(expression: str) -> None:
    assert list(faults(expression)) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("0 8 * *", "'0 8 * *' has 4 fields, not 5 (minute, hour, day of the month, month, day of the week)"),
        ("0 8 0 * *", "'0' is no day of the month (1 to 31)"),
        ("0 8 * * 7", "'7' is no day of the week (0 to 6)"),
        ("*/0 8 * * *", "'*/0' is no minute (0 to 59)"),
        ("0 18-8 * * *", "'18-8' is no hour (0 to 23)"),
        ("0 8 * * soon", "'soon' is no day of the week (0 to 6)"),
    ],
)
def test_cron_expressions_that_it_does_not(expression: str, fault: str) -> None:
    assert list(faults(expression)) == [fault]


def _group(**autoscaling: Any) -> GroupPlan:
    return plan({**UNSET, "autoscaling": autoscaling}).front


def test_a_group_without_limits_is_not_scaled() -> None:
    assert plan().front.scaling is None
    assert not plan().front.reclaimed


def test_equal_limits_give_the_number_back_to_the_program() -> None:
    group = _group(minReplicas=2, maxReplicas=2)
    assert (group.scaling, group.replicas, group.reclaimed) == (None, 2, True)


@pytest.mark.parametrize(("limits", "begins"), [((1, 3), 1), ((2, 3), 2)])
def test_a_new_group_begins_at_the_minimum_unless_told_otherwise(limits: tuple[int, int], begins: int) -> None:
    assert _group(minReplicas=limits[0], maxReplicas=limits[1]).replicas == begins
    asked = plan({**R1, "replicas": 3, "autoscaling": {"minReplicas": 1, "maxReplicas": 3}}).front
    assert asked.replicas == 3


def test_nodes_and_rollouts_count_the_most_groups() -> None:
    group, fixed = _group(maxReplicas=3), plan({**R1, "replicas": 3}).front
    assert (group.nodes, group.nodes_of(group.most_replicas)) == (2, 6)
    assert group.rollout_minutes == fixed.rollout_minutes


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_signal_is_a_series_of_every_release(version: str) -> None:
    for role in DEFAULTS:
        everything = {"queuedRequests": 1, "kvUsage": 0.5, "ttftSeconds": 1, "itlSeconds": 1}
        settings = AutoscalingSettings.model_validate({"maxReplicas": 2, "triggers": everything})
        scaling = plan_scaling(settings, lws="x", role=role)
        assert scaling is not None
        asked = {name for trigger in scaling.triggers for name in re.findall(r"sglang:\w+", trigger.metadata["query"])}
        assert len(asked) >= 4
        assert asked <= engine(version).series


def test_queries_group_by_labels_that_the_series_have() -> None:
    relabelled = EngineTarget("x", "x", "serve", "0.5.17").pod_monitor(interval_seconds=15)
    given = {each["targetLabel"] for each in relabelled["podMetricsEndpoints"][0]["relabelings"]}
    assert {"lws", "group"} <= given
    assert "dp_rank" in engine("0.5.17").metrics[queries.QUEUE].labels


def test_each_role_has_its_own_signals() -> None:
    def names(role: str) -> list[str]:
        scaling = plan_scaling(AutoscalingSettings(max_replicas=2), lws="x", role=role)
        assert scaling is not None
        return [trigger.name for trigger in scaling.triggers]

    assert names("serve") == ["queue", "kv-usage"]
    assert names("prefill") == ["queue", "ttft"]
    assert names("decode") == ["queue", "kv-usage", "itl"]


def _spec(**autoscaling: Any) -> dict[str, Any]:
    group = _group(**autoscaling)
    assert group.scaling is not None
    return scaled_object(group, group.scaling, "http://prometheus:9090")


def test_a_scaled_object_scales_groups_between_the_limits() -> None:
    spec = _spec(minReplicas=1, maxReplicas=2)
    assert spec["scaleTargetRef"] == {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "name": "r1",
    }
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 2)


def test_missing_metrics_are_no_zero_and_hold_the_number() -> None:
    spec = _spec(maxReplicas=2, triggers={"ttftSeconds": 2}, queries=[{"name": "own", "query": "x", "perGroup": 1}])
    assert {trigger["metadata"]["ignoreNullValues"] for trigger in spec["triggers"]} == {"false"}
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 1, "behavior": "currentReplicas"}
    least = _spec(maxReplicas=2, fallback={"replicas": 2})["fallback"]
    assert (least["replicas"], least["behavior"]) == (2, "currentReplicasIfHigher")


def test_keda_takes_nothing_but_text() -> None:
    spec = _spec(maxReplicas=2, cron=[EIGHT_TO_SIX])
    assert {type(value) for trigger in spec["triggers"] for value in trigger["metadata"].values()} == {str}


def test_sums_are_shared_out_and_latencies_are_not() -> None:
    spec = _spec(maxReplicas=2, triggers={"ttftSeconds": 2})
    assert {trigger["name"]: trigger["metricType"] for trigger in spec["triggers"]} == {
        "queue": "AverageValue",
        "kv-usage": "AverageValue",
        "ttft": "Value",
    }


def test_times_stand_beside_the_metrics() -> None:
    cron = _spec(maxReplicas=2, cron=[EIGHT_TO_SIX])["triggers"][-1]
    assert cron["type"] == "cron"
    assert cron["metadata"] == {
        "timezone": "Etc/UTC",
        "start": "0 8 * * 1-5",
        "end": "0 18 * * 1-5",
        "desiredReplicas": "2",
    }


def test_phases_follow_their_own_signals_and_each_other() -> None:
    groups = plan(phases(2, 4, **RATIO_OF_2)).groups
    names = {each.name: [trigger.name for trigger in each.scaling.triggers] for each in groups if each.scaling}
    assert names == {"r1-prefill": ["queue", "ttft", "ratio"], "r1-decode": ["queue", "kv-usage", "itl", "ratio"]}


def test_a_phase_counts_the_leaders_of_the_other() -> None:
    prefill, decode = (group.scaling for group in plan(phases(2, 4, **RATIO_OF_2)).groups)
    assert prefill is not None
    assert decode is not None
    both = "leaderworkerset.sigs.k8s.io/name=r1-%s,leaderworkerset.sigs.k8s.io/worker-index=0"
    assert prefill.triggers[-1].metadata == {"podSelector": both % "decode", "value": "2"}
    assert decode.triggers[-1].metadata == {"podSelector": both % "prefill", "value": "1"}


@pytest.mark.parametrize("least", [0.25, 0.5, 1, 1.5, 3, 7])
def test_what_keda_is_told_asks_for_no_group_too_many(least: float) -> None:
    """KEDA keeps thousandths, and the autoscaler rounds up."""
    split = DisaggregationSettings.model_validate(apart(ratio={"leastDecodePerPrefill": least})["disaggregation"])
    trigger = companion(split, "r1", "decode")
    assert trigger is not None
    per_group = round(float(trigger.metadata["value"]) * 1000)
    for prefill in range(1, 17):
        assert -(-prefill * 1000 // per_group) == ratio_of(split).decode_for(prefill)


def test_the_proportion_is_that_of_the_start_unless_it_is_set() -> None:
    begins = apart(prefill={"replicas": 4}, decode={"replicas": 12})
    split = DisaggregationSettings.model_validate(begins["disaggregation"])
    assert ratio_of(split) == Ratio(1.5, 6)


@pytest.mark.parametrize(
    ("begins", "limits"), [((1, 1), (8, 8)), ((1, 3), (4, 12)), ((4, 1), (8, 2)), ((2, 3), (8, 12))]
)
def test_by_default_phases_never_hold_each_other_up(begins: tuple[int, int], limits: tuple[int, int]) -> None:
    base = apart(
        prefill={"replicas": begins[0], "autoscaling": {"maxReplicas": limits[0]}},
        decode={"replicas": begins[1], "autoscaling": {"maxReplicas": limits[1]}},
    )
    assert found(rules, "autoscaling.ratio-stuck", model(base)) == []


def test_a_model_of_one_role_follows_nobody() -> None:
    scaling = plan({**UNSET, "autoscaling": LIMITS}).front.scaling
    assert scaling is not None
    assert "ratio" not in [trigger.name for trigger in scaling.triggers]
