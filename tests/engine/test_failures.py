"""A failure at any point, an interrupt, a killed engine: the next update finishes; nothing is made twice or lost."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.engine.conftest import Deployed
from tests.engine.providers.world import World
from tests.engine.stack import EngineStack

STACKS = ("dev", "prod")


def ends_of_components(deployed: Deployed) -> dict[str, tuple[str, str]]:
    """The first and the last resource that each component created: component name -> logical names."""
    resources = deployed.stack.resources()
    made: dict[str, list[str]] = {}
    for event in deployed.stack.world.journal("create"):
        parent = resources[event.urn].get("parent", "")
        made.setdefault(parent.rsplit("::", 1)[-1], []).append(event.name)
    return {component: (names[0], names[-1]) for component, names in made.items()}


def finished_like(stack: EngineStack, deployed: Deployed) -> None:
    """The stack has what an undisturbed deployment has, each object made once."""
    created = [event.urn for event in stack.world.journal("create")]
    assert len(created) == len(set(created))
    assert set(stack.resources()) == set(deployed.stack.resources())
    assert _objects(stack.world) == _objects(deployed.stack.world)
    assert stack.preview("--expect-no-changes").ok


def deploy_until_done(stack: EngineStack, tries: int) -> None:
    """Update again and again; what stops an update may only be a fault that was planned."""
    for _ in range(tries):
        update = stack.up()
        if update.ok:
            return
        unplanned = [line for line in update.failures() if "the cloud failed on demand" not in line]
        assert unplanned == []
    raise AssertionError(f"not done after {tries} updates")


def _objects(world: World) -> set[tuple[str, str]]:
    return {(thing.type, thing.id) for thing in world.things()}


def test_every_component_of_dev_may_fail_once(
    deployed: Callable[[str], Deployed], shipped: Callable[[str], EngineStack]
):
    """All faults in one deployment: each update gets a bit further, until one ends well."""
    draw = random.Random(4)
    ends = ends_of_components(deployed("dev"))
    stack = shipped("dev")
    for names in ends.values():
        stack.world.plan_fault(draw.choice(names))
    deploy_until_done(stack, tries=len(ends) + 1)
    finished_like(stack, deployed("dev"))


def test_some_components_of_prod_may_fail(deployed: Callable[[str], Deployed], shipped: Callable[[str], EngineStack]):
    ends = ends_of_components(deployed("prod"))
    stack = shipped("prod")
    for component in random.Random(4).sample(sorted(ends), 5):
        stack.world.plan_fault(ends[component][1])
    deploy_until_done(stack, tries=6)
    finished_like(stack, deployed("prod"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("name", STACKS)
def test_every_component_fails_alone(
    deployed: Callable[[str], Deployed], shipped: Callable[[str], EngineStack], name: str, which: str
):
    for component, (first, last) in sorted(ends_of_components(deployed(name)).items()):
        stack = shipped(name)
        stack.world.plan_fault(first if which == "first" else last)
        assert not stack.up().ok, component
        update = stack.up()
        assert update.ok, (component, update.errors())
        finished_like(stack, deployed(name))


def test_an_update_that_fails_leaves_the_old_object_and_is_repeated(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    stack.set("models[0].arguments", {"schedule-policy": "lpm"})
    group = next(t for t in stack.world.things() if t.inputs.get("kind") == "LeaderWorkerSet")
    stack.world.plan_fault(group.name, "update")
    assert not stack.up().ok
    assert stack.world.named(group.name).inputs == group.inputs
    assert stack.up().ok
    assert stack.world.named(group.name).inputs != group.inputs


def test_an_interrupt_in_the_middle_lets_the_running_steps_end(
    deployed: Callable[[str], Deployed], shipped: Callable[[str], EngineStack]
):
    stack = shipped("dev")
    middle = deployed("dev").stack.world.journal("create")
    stack.world.plan_fault(middle[len(middle) // 2].name, kind="interrupt")
    interrupted = stack.up()
    assert not interrupted.ok
    assert len(stack.world.journal("create")) < len(middle)
    update = stack.up()
    assert update.ok, update.errors()
    finished_like(stack, deployed("dev"))


def test_a_destroy_that_fails_in_the_middle_is_finished_by_the_next(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    stack.world.plan_fault("lws-release", "delete")
    assert not stack.destroy().ok
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    assert list(stack.world.things()) == []
