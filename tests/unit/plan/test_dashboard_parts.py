"""What the dashboards learn of the shipped stacks."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.dashboards.catalogue import dashboards
from components.monitoring.dashboards.parts import Parts
from infra.plan import resolve
from infra.plan.dashboards import dashboard_parts
from infra.settings import load_stack_file, validate

ROOT = Path(__file__).parents[3]


@cache
def parts(stack: str) -> Parts:
    return changed(stack)


def changed(stack: str, **sections: Any) -> Parts:
    """The parts of a shipped stack with other sections."""
    found = validate({**load_stack_file(ROOT / f"Pulumi.{stack}.yaml"), **sections})
    assert found.settings is not None, found.errors
    return dashboard_parts(resolve(found.settings))


def test_every_group_is_there_by_the_name_of_its_leader_worker_set() -> None:
    groups = {
        group.lws: (group.role, group.groups, group.pods) for model in parts("prod").models for group in model.groups
    }
    assert groups == {"deepseek-r1": ("serve", 2, 2), "qwen3-30b": ("serve", 2, 1)}


def test_a_pod_costs_its_share_of_a_node() -> None:
    prices = {"perHour": {"p5.48xlarge": 55.04, "ml.g6e.12xlarge": 13.0}, "asOf": "2026-01-02", "source": "the list"}
    known = changed("prod", prices=prices)
    assert {group.lws: group.pod_hour for model in known.models for group in model.groups} == {
        "deepseek-r1": pytest.approx(55.04),
        "qwen3-30b": pytest.approx(13.0),
    }
    assert known.prices_of == "the list, 2026-01-02, EC2 list price where HyperPod's is not set"


def test_an_unknown_price_stays_unknown() -> None:
    unknown = changed("prod", prices={})
    assert [group.pod_hour for model in unknown.models for group in model.groups] == [None, None]
    titles = [panel.title for board in dashboards(unknown) for panel in board.panels]
    assert "Cost unknown" in titles
    assert "Cost per million tokens" not in titles


def test_the_pools_are_wanted_as_the_settings_have_them() -> None:
    wanted = {pool.name: (pool.instance_type, pool.nodes) for pool in parts("dev").pools}
    assert wanted == {"system": ("m7i.2xlarge", 2), "g6": ("g6.12xlarge", 2)}


def test_what_a_stack_does_not_have_has_no_dashboard() -> None:
    uids = {board.uid for board in dashboards(parts("dev"))}
    assert uids == {"sglang-overview", "sglang-model", "sglang-fabric-gpu", "sglang-capacity"}
    without = changed("dev", platform={"gpuOperator": {"dcgmExporter": False}})
    panels = {panel.title for board in dashboards(without) for panel in board.panels}
    assert "GPU utilisation" not in panels
    assert "EFA sent" in panels  # g6.12xlarge has EFA, and the group spans two


def test_a_stack_with_phases_apart_behind_routers_has_all_six() -> None:
    found = validate(load_stack_file(ROOT / "tests" / "stacks" / "Pulumi.disaggregated.yaml"))
    assert found.settings is not None, found.errors
    apart = dashboard_parts(resolve(found.settings))
    assert {(group.lws, group.role) for group in apart.models[0].groups} == {
        ("r1-prefill", "prefill"),
        ("r1-decode", "decode"),
    }
    assert len(dashboards(apart)) == 6


def test_speculation_and_lora_are_seen_in_the_arguments() -> None:
    first, second = load_stack_file(ROOT / "Pulumi.prod.yaml")["models"]
    extra = {**second.get("arguments", {}), "speculative-algorithm": "NGRAM", "enable-lora": True}
    plain, both = changed("prod", models=[first, {**second, "arguments": extra}]).models
    assert [(group.speculative, group.lora) for group in plain.groups] == [(False, False)]
    assert [(group.speculative, group.lora) for group in both.groups] == [(True, True)]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_dashboard_that_an_alert_links_to_is_there(stack: str) -> None:
    found = validate(load_stack_file(ROOT / f"Pulumi.{stack}.yaml"))
    assert found.settings is not None
    plan = resolve(found.settings)
    linked = set(re.findall(r"/d/([\w-]+)", str([rules.groups for rules in plan.alerts.objects])))
    assert linked
    assert linked <= {board.uid for board in dashboards(dashboard_parts(plan))}
