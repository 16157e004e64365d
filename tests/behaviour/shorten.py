"""Rules in fast motion: every window, `for` and offset is a sixtieth, so that ten minutes pass in ten seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

FACTOR = 60
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_PART = re.compile(r"(\d+)(ms|[smhdw])")
_WINDOW = re.compile(r"\[[^\]]*\]|offset\s+-?(?:\d+(?:ms|[smhdw]))+")
_KEYS = ("for", "keep_firing_for", "interval")


def shorten(groups: Sequence[Mapping[str, Any]], factor: float = FACTOR) -> list[dict[str, Any]]:
    """Rule groups with shorter durations.

    Rates keep their meaning, since those of a played world are per real second; an `increase` is over the shorter
    window, and a number of seconds in an expression stays what it is.
    """
    return [
        {
            **{key: duration(value, factor) if key in _KEYS else value for key, value in group.items()},
            "rules": [_rule(rule, factor) for rule in group["rules"]],
        }
        for group in groups
    ]


def expression(text: str, factor: float = FACTOR) -> str:
    """PromQL with shorter windows and offsets."""
    return _WINDOW.sub(lambda match: _DURATION.sub(lambda part: duration(part[0], factor), match[0]), text)


def duration(text: str, factor: float = FACTOR) -> str:
    """`10m` is `10s`; never less than a millisecond, and 0 stays 0."""
    milliseconds = sum(int(number) * _UNITS[unit] * 1000 for number, unit in _PART.findall(text)) / factor
    return f"{max(1, round(milliseconds))}ms" if milliseconds else "0s"


def _rule(rule: Mapping[str, Any], factor: float) -> dict[str, Any]:
    short = {key: duration(value, factor) if key in _KEYS else value for key, value in rule.items()}
    return {**short, "expr": expression(rule["expr"], factor)}
