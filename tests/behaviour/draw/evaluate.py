"""Ask Prometheus what each panel of a dashboard's JSON asks, with the variables chosen as Grafana chooses them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.behaviour.history import STEP_SECONDS
from tests.behaviour.server import Prometheus

RATE_INTERVAL = f"{4 * STEP_SECONDS}s"
"""`$__rate_interval` is at least four times the scrape interval (Grafana's documentation of its Prometheus source)."""
POINTS = 90

_LABEL_VALUES = re.compile(r"^label_values\((.*), (\w+)\)$")
_VARIABLE = re.compile(r"\$(\w+)")
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel, by its legend; points are (seconds since 1970, value), a gap is NaN."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def values(self) -> list[float]:
        """The values that are numbers."""
        return [value for _, value in self.points if math.isfinite(value)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel of the JSON and its lines."""

    panel: Mapping[str, Any]
    lines: tuple[Line, ...]


def evaluate(
    board: Mapping[str, Any], server: Prometheus, start: float, end: float
) -> tuple[list[Drawn], dict[str, list[str]]]:
    """Every panel with its lines, and what was chosen for each variable."""
    chosen: dict[str, list[str]] = {}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            values = _values(variable, server, chosen, start, end)
            chosen[variable["name"]] = values if variable["includeAll"] else values[:1]
    panels = []
    for panel in board["panels"]:
        lines: list[Line] = []
        for target in panel.get("targets", []):
            lines += _ask(target, server, chosen, start, end)
        panels.append(Drawn(panel, tuple(lines)))
    return panels, chosen


def substituted(text: str, chosen: Mapping[str, Sequence[str]]) -> str:
    """PromQL with the variables filled in: one value as it is, several as `(a|b)`, dots and the like escaped."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "__rate_interval":
            return RATE_INTERVAL
        if match[1].isdigit():  # a group of label_replace, which Grafana leaves alone
            return match[0]
        values = [re.sub(r"([.*+?()|\[\]{}\\])", r"\\\\\1", value) for value in chosen[match[1]]]
        return values[0] if len(values) == 1 else f"({'|'.join(values)})"

    return _VARIABLE.sub(value, text)


def _values(
    variable: Mapping[str, Any], server: Prometheus, chosen: Mapping[str, Sequence[str]], start: float, end: float
) -> list[str]:
    match = _LABEL_VALUES.match(variable["query"]["query"])
    assert match, f"{variable['name']}: {variable['query']['query']}"
    return sorted(server.label_values(match[2], substituted(match[1], chosen), start, end))


def _ask(
    target: Mapping[str, Any], server: Prometheus, chosen: Mapping[str, Sequence[str]], start: float, end: float
) -> list[Line]:
    step = (end - start) / POINTS
    found = server.query_range(substituted(target["expr"], chosen), start, end, step)
    lines = []
    for series in found:
        known = {round((moment - start) / step): value for moment, value in series.points}
        points = tuple((start + index * step, known.get(index, math.nan)) for index in range(POINTS + 1))
        lines.append(Line(_name(target["legendFormat"], series.labels), points))
    return lines


def _name(legend: str, labels: Mapping[str, str]) -> str:
    if legend == "__auto":
        return ", ".join(f"{name}={value}" for name, value in labels.items() if name != "__name__") or "value"
    return _LEGEND.sub(lambda match: labels.get(match[1], ""), legend)
