"""The shipped stacks as the checks see them, and what breaks one thing in them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infra.policy.resource import Resource
from infra.policy.run import run
from tests.shipped import recording, settings

Edit = Callable[[Any], None]


def resources(stack: str) -> list[Resource]:
    return [Resource.of(recorded) for recorded in recording(stack).resources]


def broken(stack: str, name: str, edit: Edit, type: str = "") -> list[Resource]:
    """A shipped stack with the inputs of one resource edited."""
    found = resources(stack)
    index = [i for i, one in enumerate(found) if one.name == name and type in one.type]
    assert len(index) == 1, [found[i].type for i in index]
    props = copy.deepcopy(dict(found[index[0]].props))
    edit(props)
    found[index[0]] = replace(found[index[0]], props=props)
    return found


def fired(stack: str, changed: list[Resource]) -> dict[str, str]:
    """The checks that object to a changed stack and not to the shipped one, each with its first message."""
    before = {violation.problem() for violation in run(resources(stack), protect=settings(stack).protect)}
    after = run(changed, protect=settings(stack).protect)
    new = [violation for violation in after if violation.problem() not in before]
    return {violation.check.id: str(violation.problem()) for violation in reversed(new)}


def put(value: Any, *path: str | int) -> Edit:
    """An edit that sets the value at a path."""

    def edit(props: Any) -> None:
        *way, last = path
        for key in way:
            props = props[key]
        props[last] = value

    return edit


def drop(*path: str | int) -> Edit:
    """An edit that removes what is at a path."""

    def edit(props: Any) -> None:
        *way, last = path
        for key in way:
            props = props[key]
        del props[last]

    return edit
