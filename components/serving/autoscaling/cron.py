"""Cron expressions as KEDA reads them (github.com/robfig/cron/v3: minute, hour, day, month, weekday). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("day of the week", 0, 6, tuple(_DAYS)),
)
_PART: Final = re.compile(r"^(?:(?P<all>[*?])|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?$")


def faults(expression: str) -> Iterator[str]:
    """What is wrong with an expression; nothing for a right one."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        yield f"{expression!r} has {len(fields)} fields, not 5 (minute, hour, day of the month, month, day of the week)"
        return
    for text, (name, least, most, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(part, least, most, words) for part in text.split(",")):
            yield f"{text!r} is no {name} ({least} to {most})"


def _fits(part: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    match = _PART.match(part)
    if match is None or match["step"] == "0":
        return False
    if match["all"]:
        return True
    first = _number(match["first"], least, words)
    last = first if match["last"] is None else _number(match["last"], least, words)
    return first is not None and last is not None and least <= first <= last <= most


def _number(text: str, least: int, words: tuple[str, ...]) -> int | None:
    if text.lower() in words:
        return words.index(text.lower()) + least
    return int(text) if text.isdigit() else None
