"""Which SGLang releases the program knows, and how their numbers compare."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import total_ordering
from typing import Final

SUPPORTED: Final = ("0.5.8", "0.5.13.post1", "0.5.17", "0.5.23")
"""Releases whose flags and metrics are committed here, oldest first."""

DEFAULT: Final = "0.5.17"
"""The release that is used unless the settings say otherwise: the newest with an AWS Deep Learning Container."""

_NUMBER = re.compile(r"^(\d+)\.(\d+)\.(\d+)(?:\.post(\d+))?$")


@total_ordering
@dataclass(frozen=True, slots=True)
class EngineVersion:
    """An SGLang release such as `0.5.13.post1`; comparable. Raises ValueError for anything else (`latest`, `0.5`)."""

    text: str
    key: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        match = _NUMBER.match(self.text)
        if match is None:
            raise ValueError(f"{self.text!r} is not an SGLang release such as 0.5.17 or 0.5.13.post1")
        object.__setattr__(self, "key", tuple(int(part or 0) for part in match.groups()))

    def __lt__(self, other: EngineVersion) -> bool:
        return self.key < other.key

    def __str__(self) -> str:
        return self.text


def at_least(version: str, minimum: str) -> bool:
    """Whether `version` is `minimum` or newer; both are release numbers."""
    return EngineVersion(version) >= EngineVersion(minimum)
