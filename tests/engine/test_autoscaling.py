"""An autoscaler owns the number of groups: updates leave it alone, until the settings take it back."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.stack import EngineStack

SCALED = {"minReplicas": 1, "maxReplicas": 3}
ROOM = ("nodePools[0].nodes", 6)


def scaled(clone: Callable[[str], EngineStack]) -> EngineStack:
    """The dev stack with autoscaling and nodes for it, one group made into three by the autoscaler."""
    stack = clone("dev")
    stack.set(*ROOM)
    stack.set("models[0].autoscaling", SCALED)
    up = stack.up()
    assert up.ok, up.errors()
    stack.world.change_by_another(stack.world.named("qwen3-8b-serve"), "spec.replicas", 3)
    return stack


def groups(stack: EngineStack) -> int:
    thing = stack.world.named("qwen3-8b-serve")
    return thing.others.get("spec.replicas", thing.inputs["spec"]["replicas"])


def test_autoscaling_adds_what_scales_and_touches_no_group(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    stack.set(*ROOM)
    assert stack.up().ok
    preview = stack.previewed_with(("models[0].autoscaling", SCALED))
    assert {step.short for step in preview.changes} == {
        "create Autoscaling qwen3-8b-autoscaling",
        "create ScaledObject qwen3-8b-autoscaling-serve",
        "update ConfigMap monitoring-sglang-capacity",
    }


def test_nothing_changes_where_an_autoscaler_changed_the_number(clone: Callable[[str], EngineStack]):
    stack = scaled(clone)
    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.errors()
    assert stack.preview("--expect-no-changes").ok
    assert stack.up("--expect-no-changes").ok
    assert groups(stack) == 3


def test_an_update_of_the_groups_leaves_their_number_alone(clone: Callable[[str], EngineStack]):
    stack = scaled(clone)
    stack.set("models[0].arguments", {"schedule-policy": "lpm"})
    up = stack.up()
    assert up.ok, up.errors()
    assert [step.short for step in up.changes] == ["update LeaderWorkerSet qwen3-8b-serve"]
    assert groups(stack) == 3


def test_other_limits_change_the_scaler_alone(clone: Callable[[str], EngineStack]):
    changed = scaled(clone).previewed_with(("models[0].autoscaling.maxReplicas", 2))
    assert [step.short for step in changed.changes] == ["update ScaledObject qwen3-8b-autoscaling-serve"]


def test_without_autoscaling_the_next_update_would_run_into_the_autoscaler(clone: Callable[[str], EngineStack]):
    stack = scaled(clone)
    stack.set("models[0].autoscaling", None)
    assert "conflict with another field manager on .spec.replicas" in stack.up().errors()


def test_equal_limits_take_the_number_back(clone: Callable[[str], EngineStack]):
    stack = scaled(clone)
    stack.set("models[0].replicas", 2)
    stack.set("models[0].autoscaling", {"minReplicas": 2, "maxReplicas": 2})
    up = stack.up()
    assert up.ok, up.errors()
    assert groups(stack) == 2
    stack.set("models[0].autoscaling", None)
    up = stack.up()
    assert up.ok, up.errors()
    assert groups(stack) == 2


def test_what_scales_goes_before_what_it_scales_and_before_keda(clone: Callable[[str], EngineStack]):
    stack = scaled(clone)
    stack.world.forget_journal()
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    deleted = [event.name for event in stack.world.journal("delete")]
    scaler = deleted.index("qwen3-8b-autoscaling-serve")
    assert scaler < deleted.index("qwen3-8b-serve")
    assert scaler < deleted.index("keda-release")
