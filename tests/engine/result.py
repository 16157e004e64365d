"""What the engine did, step by step, as its event log tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.engine.providers.values import type_of

UNCHANGING = {"same", "read", "refresh", "create-replacement", "delete-replaced"}


@dataclass(frozen=True, slots=True)
class Step:
    """What the engine did, or would do, with one resource. `diff` has the paths that made it do so."""

    op: str
    urn: str
    diff: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The type token."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def short(self) -> str:
        """`update NodeGroup g6-group`."""
        return f"{self.op} {self.type.rsplit(':', 1)[-1]} {self.name}"

    def __str__(self) -> str:
        return f"{self.op} {self.type} {self.name}{f' {list(self.diff)}' if self.diff else ''}"


@dataclass(frozen=True)
class Result:
    """How an operation went."""

    code: int
    output: str
    events: list[dict[str, Any]] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the engine was content."""
        return self.code == 0

    @cached_property
    def steps(self) -> list[Step]:
        """Every step, in the order in which the engine began them."""
        found = [event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event]
        return [Step(m["op"], m["urn"], tuple(sorted(m.get("detailedDiff") or m.get("diffs") or ()))) for m in found]

    @property
    def changes(self) -> list[Step]:
        """The steps that change something; a replacement is one step, and the stack's own outputs are none."""
        return [step for step in self.steps if step.op not in UNCHANGING and step.type != "pulumi:pulumi:Stack"]

    @property
    def done(self) -> list[Step]:
        """The steps that ended well, in the order in which they ended."""
        found = [event["resOutputsEvent"]["metadata"] for event in self.events if "resOutputsEvent" in event]
        return [Step(metadata["op"], metadata["urn"]) for metadata in found]

    def errors(self) -> str:
        """What the engine said was wrong."""
        said = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return "\n".join(one["message"].strip() for one in said if one["severity"] == "error") or self.output

    def failures(self) -> list[str]:
        """The errors of single resources, which is where a provider's own message is."""
        said = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        errors = [one for one in said if one["severity"] == "error" and one.get("urn")]
        return [one["message"].strip() for one in errors if type_of(one["urn"]) != "pulumi:pulumi:Stack"]
