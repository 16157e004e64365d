"""A check: a small named function with a stable id, which yields a finding for every fault that it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from components.rules import Finding, Problem, Severity
from infra.policy.resource import Resource, Stack

Found = tuple[Resource, Finding]
"""A finding with the resource that it is about; its path is that of a property."""


class Level(StrEnum):
    """What a violation does: a mandatory one stops the update, an advisory one is told."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. With `types`, `look` takes each resource of them and yields findings; without, it takes the whole
    stack and yields pairs of resource and finding.

    `rule` is the id of a rule of the settings that says the same of the same fault, earlier and in the user's words.
    """

    id: str
    level: Level
    source: str
    look: Callable[[Any], Iterator[Any]]
    types: frozenset[str] | None = None
    rule: str | None = None

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.look.__doc__ or self.id).strip().split("\n")[0]

    def applies(self, resource: Resource) -> bool:
        """Whether the check looks at this resource by itself: one of its types, whose inputs can be seen."""
        return self.types is not None and resource.type in self.types and resource.complete

    def findings(self, stack: Stack) -> Iterator[Found]:
        """What the check finds in a stack."""
        if self.types is None:
            yield from self.look(stack)
            return
        for resource in stack.resources:
            if self.applies(resource):
                for finding in self.look(resource):
                    yield resource, finding


@dataclass(frozen=True, slots=True)
class Violation:
    """A fault that a check found in a resource."""

    check: Check
    resource: Resource
    finding: Finding

    def problem(self) -> Problem:
        """The violation in the form in which previews show the problems of settings."""
        where = f"resources[{self.resource.name}]"
        path = f"{where}.{self.finding.path}" if self.finding.path else where
        severity = Severity.ERROR if self.check.level is Level.MANDATORY else Severity.ADVICE
        return Problem(path, self.finding.message, self.finding.fix, f"policy.{self.check.id}", severity)


@dataclass(slots=True)
class CheckSet:
    """The checks of one theme."""

    checks: list[Check] = field(default_factory=list)

    def check(
        self,
        id: str,
        *types: str,
        source: str,
        level: Level = Level.MANDATORY,
        rule: str | None = None,
    ) -> Callable[[Any], Any]:
        """Register the decorated generator function. Without `types` it takes the whole stack."""

        def register(look: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
            self.checks.append(Check(id, level, source, look, frozenset(types) or None, rule))
            return look

        return register
