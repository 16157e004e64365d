"""Each shipped stack from nothing to nothing: preview, update, no changes, destroy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.offline import record
from infra.program import main
from tests.engine.conftest import Deployed
from tests.engine.order import Order
from tests.engine.providers.values import type_of
from tests.engine.stack import EngineStack

STACKS = ("dev", "prod")
MADE_BY_EKS = "eks:index:Cluster$"


def _urns(stack: EngineStack, urns: list[str]) -> set[str]:
    """The URNs that the program itself registers: not the stack, default providers, and what eks makes."""
    return {
        urn
        for urn in urns
        if MADE_BY_EKS not in urn and "::default" not in urn and type_of(urn) != "pulumi:pulumi:Stack"
    }


def _flat(config: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


@pytest.mark.parametrize("name", STACKS)
def test_a_preview_from_nothing_succeeds_with_every_output_unknown(deployed: Callable[[str], Deployed], name: str):
    first = deployed(name).first
    assert first.ok, first.errors()
    assert {step.op for step in first.steps} == {"create"}


@pytest.mark.parametrize("name", STACKS)
def test_the_engine_and_the_offline_preview_see_the_same_resources(deployed: Callable[[str], Deployed], name: str):
    seen = deployed(name)
    offline = record(main, stack=name, config=_flat(seen.stack.config["config"]))
    parents = {
        event["resourcePreEvent"]["metadata"]["urn"]: event["resourcePreEvent"]["metadata"]["new"].get("parent", "")
        for event in seen.first.events
        if "resourcePreEvent" in event
    }
    assert _urns(seen.stack, list(parents)) == _urns(seen.stack, [resource.urn for resource in offline.resources])
    recorded = {resource.urn: resource.parent for resource in offline.resources if resource.parent}
    assert {urn: parent for urn, parent in parents.items() if urn in recorded} == {
        urn: parent for urn, parent in recorded.items() if urn in parents
    }


@pytest.mark.parametrize("name", STACKS)
def test_an_update_from_nothing_succeeds(deployed: Callable[[str], Deployed], name: str):
    up = deployed(name).up
    assert up.ok, up.errors()
    created = [event.urn for event in deployed(name).stack.world.journal("create")]
    assert len(created) == len(set(created))


@pytest.mark.parametrize("name", STACKS)
def test_a_second_preview_has_no_changes(deployed: Callable[[str], Deployed], name: str):
    again = deployed(name).again
    assert again.ok, [str(step) for step in again.changes] or again.errors()


@pytest.mark.parametrize("name", STACKS)
def test_what_an_object_needs_is_ordered_before_it_and_not_there_by_chance(
    deployed: Callable[[str], Deployed], name: str
):
    stack = deployed(name).stack
    order = Order(stack.resources())
    by_chance = {
        f"{urn.rsplit('::', 1)[-1]}: {reason}"
        for urn, reason, met_by in stack.world.needs()
        if not order.before(urn) & {*met_by}
    }
    assert by_chance == set()


def test_destroy_leaves_nothing(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    assert [thing.name for thing in stack.world.things()] == []


def test_a_protected_stack_refuses_to_be_destroyed_and_says_how(clone: Callable[[str], EngineStack]):
    stack = clone("prod")
    stack.world.forget_journal()
    refused = stack.run("destroy", "--yes", program=True)
    assert not refused.ok
    assert "weights-file-system" in refused.output
    assert "pulumi state unprotect" in refused.output
    assert stack.world.journal() == []


def test_prod_is_destroyed_whole_once_it_is_no_longer_protected(clone: Callable[[str], EngineStack]):
    stack = clone("prod")
    stack.set("protect", False)
    assert stack.up().ok
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    assert [thing.name for thing in stack.world.things()] == []
