"""Rules over settings: small named functions with a stable id, kept beside what they guard.

A room declares one `RuleSet` next to its settings and decorates functions with it. A rule takes the settings it guards
(for a list section, one element) and yields a `Finding` for every fault it sees: never one that hides another.
`infra.settings` runs the rules and turns each finding into a `Problem` whose path starts at the user's file.

    rules = RuleSet("fileSystem")

    @rules.rule("lustre.version", source="botocore fsx CreateFileSystem: FileSystemTypeVersion")
    def persistent_2_needs_a_recent_lustre(fs: LustreSettings) -> Iterator[Finding]:
        if fs.version == "2.10":
            yield Finding("version", "PERSISTENT_2 does not run Lustre 2.10", "set version: '2.15'")

This module is pure: it imports no Pulumi.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a problem matters: an error cannot work, a warning wastes or risks, an advice is taste with a reason."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule saw, at a path relative to the settings that the rule was given (`""` for the whole of them)."""

    path: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with the whole path as the user wrote it, e.g. `models[1].parallelism.tensor`."""

    path: str
    message: str
    fix: str
    rule: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; {self.fix} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. `check` is called with what the rule's set guards; `source` says where the rule comes from."""

    id: str
    check: Callable[..., Iterator[Finding]]
    source: str
    severity: Severity = Severity.ERROR

    @property
    def summary(self) -> str:
        """What `validate --rules` prints: the docstring's first line, or else the function's name in words."""
        doc = (self.check.__doc__ or "").strip().split("\n")[0]
        return doc or str(getattr(self.check, "__name__", self.id)).replace("_", " ")

    def run(self, at: str, *subjects: Any) -> Iterator[Problem]:
        """Problems of `subjects`, with `at` (`models[1]`, `fileSystem`, or `""`) before each path."""
        for finding in self.check(*subjects):
            yield Problem(join(at, finding.path), finding.message, finding.fix, self.id, self.severity)


@dataclass(slots=True)
class RuleSet:
    """The rules of one section of the settings. `section` is its name in the stack file, or `""` for the whole file."""

    section: str
    rules: list[Rule] = field(default_factory=list)

    def rule(self, id: str, *, source: str, severity: Severity = Severity.ERROR) -> Callable[[Any], Any]:
        """Register the decorated generator function under a stable id."""

        def register(check: Callable[..., Iterator[Finding]]) -> Callable[..., Iterator[Finding]]:
            if any(known.id == id for known in self.rules):
                raise ValueError(f"two rules are called {id}")
            self.rules.append(Rule(id, check, source, severity))
            return check

        return register


def join(at: str, path: str) -> str:
    """`join("models[1]", "parallelism.tensor")` is `models[1].parallelism.tensor`; an index needs no dot."""
    if not at or not path:
        return at or path
    return f"{at}{path}" if path.startswith("[") else f"{at}.{path}"
