"""An item of a checklist and what became of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What became of an item."""

    HOLDS = "holds"
    FAILS = "fails"
    BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Answer:
    """An item of a checklist, what became of it, and by what: the plan's figures, a finding, or the command to run."""

    item: str
    state: State
    detail: str
