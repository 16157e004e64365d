"""What others change in the cloud: an autoscaler's replicas stay, a person's change is seen as exactly that."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.stack import EngineStack


def test_a_node_count_changed_by_hand_is_seen_by_a_refresh_and_put_right(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    stack.world.change_by_hand(stack.world.named("g6-group"), "scalingConfig.desiredSize", 1)
    assert stack.refresh().ok
    (step,) = stack.preview().changes
    assert (step.op, step.name, step.diff) == ("update", "g6-group", ("scalingConfig.desiredSize",))
    assert stack.up().ok
    assert stack.world.named("g6-group").inputs["scalingConfig"]["desiredSize"] == 2


def test_an_instance_count_changed_by_hand_is_seen_too(clone: Callable[[str], EngineStack]):
    stack = clone("prod")
    stack.world.change_by_hand(stack.world.named("hyperpod-cluster"), "instanceGroups[0].instanceCount", 4)
    assert stack.refresh().ok
    (step,) = stack.preview().changes
    assert (step.op, step.name, step.diff) == ("update", "hyperpod-cluster", ("instanceGroups[0].instanceCount",))


def test_a_refresh_of_an_untouched_stack_finds_nothing(clone: Callable[[str], EngineStack]):
    stack = clone("prod")
    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.errors()
    assert refreshed.changes == []
    assert stack.preview("--expect-no-changes").ok


def test_an_object_deleted_by_hand_is_made_again_and_nothing_else(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    stack.world.delete(stack.world.named("qwen3-8b-serve-budget"))
    assert stack.refresh().ok
    assert [step.short for step in stack.up().changes] == ["create PodDisruptionBudget qwen3-8b-serve-budget"]
