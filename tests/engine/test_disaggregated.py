"""Prefill and decode apart on the real engine: one model on two LeaderWorkerSets, one on a DisaggregatedSet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from infra.program import main
from tests.engine.conftest import Deployed
from tests.engine.order import Order
from tests.engine.stack import ROOT, EngineStack

FILE = ROOT / "tests" / "stacks" / "Pulumi.disaggregated.yaml"
GROUPS = ("r1-prefill", "r1-decode")
PHASES = "models[0].disaggregation"
SET = "qwen3-8b-set"


@pytest.fixture(scope="module")
def apart(make_stack: Callable[..., EngineStack]) -> Deployed:
    """The stack, from nothing; not to be changed."""
    config = yaml.safe_load(FILE.read_text())
    second = config["config"]["sglang-hyperpod:models"][1]["disaggregation"]
    second["kind"] = "DisaggregatedSet"
    second["decode"]["autoscaling"] = {"minReplicas": 1, "maxReplicas": 2}
    stack = make_stack("apart", config, main)
    first, up = stack.preview(), stack.up()
    return Deployed(stack, first, up, stack.preview("--expect-no-changes"))


@pytest.fixture
def stack(apart: Deployed, tmp_path: Path) -> EngineStack:
    assert apart.up.ok, apart.up.errors()
    return apart.stack.clone(tmp_path / "apart")


def test_it_comes_up_from_nothing_and_stays_as_it_is(apart: Deployed) -> None:
    assert apart.first.ok, apart.first.errors()
    assert apart.up.ok, apart.up.errors()
    assert apart.again.ok, [str(step) for step in apart.again.changes] or apart.again.errors()


def test_every_object_is_ordered_after_what_it_needs(apart: Deployed) -> None:
    order = Order(apart.stack.resources())
    by_chance = {
        f"{urn.rsplit('::', 1)[-1]}: {reason}"
        for urn, reason, met_by in apart.stack.world.needs()
        if not order.before(urn) & {*met_by}
    }
    assert by_chance == set()


def test_routers_come_after_the_groups_of_both_phases(apart: Deployed) -> None:
    created = [event.name for event in apart.stack.world.journal("create")]
    routers = created.index("r1-router-deployment")
    assert all(created.index(group) < routers for group in GROUPS)
    services = [created.index(f"qwen3-8b-{phase}-service") for phase in ("prefill", "decode")]
    assert created.index(SET) < min(services)
    assert max(services) < created.index("qwen3-8b-router-deployment")


@pytest.mark.parametrize(
    ("path", "value", "touched"),
    [
        (f"{PHASES}.prefill.arguments", {"chunked-prefill-size": 8192}, "LeaderWorkerSet r1-prefill"),
        (f"{PHASES}.decode.reservedTokens", 2048, "LeaderWorkerSet r1-decode"),
        ("models[1].disaggregation.decode.reservedTokens", 2048, f"DisaggregatedSet {SET}"),
    ],
)
def test_a_change_of_one_phase_touches_its_set_alone(apart: Deployed, path: str, value: object, touched: str) -> None:
    preview = apart.stack.previewed_with((path, value))
    assert [step.short for step in preview.changes] == [f"update {touched}"], preview.errors()


def test_an_update_of_one_phase_leaves_the_other_one_alone(stack: EngineStack) -> None:
    stack.world.forget_journal()
    stack.set(f"{PHASES}.decode.reservedTokens", 2048)
    up = stack.up()
    assert up.ok, up.errors()
    assert [event.name for event in stack.world.journal("update")] == ["r1-decode"]


def test_destroy_goes_the_way_back_and_leaves_nothing(stack: EngineStack) -> None:
    stack.world.forget_journal()
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    deleted = [event.name for event in stack.world.journal("delete")]
    for model, groups in (("r1", GROUPS), ("qwen3-8b", (SET,))):
        assert deleted.index(f"{model}-router-deployment") < min(deleted.index(group) for group in groups)
        assert max(deleted.index(group) for group in groups) < deleted.index(f"{model}-prefill-transfer")
        assert max(deleted.index(group) for group in groups) < deleted.index("lws-release")
    assert deleted.index("qwen3-8b-autoscaling-decode") < deleted.index(SET)
    assert [thing.name for thing in stack.world.things()] == []
