"""Lines over time: axes, thresholds, areas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.report.picture.svg import MUTED, Box, Canvas, Point, text_width
from tests.behaviour.draw.evaluate import Line
from tests.behaviour.draw.units import text

PALETTE = ("#56a64b", "#d9a600", "#3274d9", "#e0752d", "#c4162a", "#8f3bb8", "#1f9eaa", "#7a6a4f", "#e24d90", "#4b5d16")
"""Like Grafana's classic palette, dark enough for white paper."""
COLOURS = {"green": "#299c46", "yellow": "#d9a600", "orange": "#ed8128", "red": "#d44a3a", "blue": "#3274d9"}
LINES = 4


@dataclass(frozen=True, slots=True)
class _Axis:
    """Lowest and highest value, and where its lines are."""

    low: float
    high: float
    marks: list[float]
    decimals: int | None = None
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far up a value is, from 0 to 1."""
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            return math.log(inside / self.low) / math.log(self.high / self.low)
        return (inside - self.low) / (self.high - self.low)


def draw_graph(canvas: Canvas, box: Box, lines: Sequence[Line], defaults: Mapping[str, Any]) -> None:
    """The graph of a time series panel in a box, axes included."""
    custom = defaults["custom"]
    stacked = custom["stacking"]["mode"] == "normal"
    tops = _stacked(lines) if stacked else [[value for _, value in line.points] for line in lines]
    axis = _axis([value for top in tops for value in top if math.isfinite(value)], defaults)
    words = [text(mark, defaults["unit"], axis.decimals) for mark in axis.marks]
    left = max(text_width(word, 10.5) for word in words) + 6
    area = Box(box.x + left, box.y + 4, box.width - left - 2, box.height - 22)

    def y(value: float) -> float:
        return area.bottom - axis.share(value) * area.height

    for mark, word in zip(axis.marks, words, strict=True):
        line = y(mark)
        canvas.elements.append(
            f'<path d="M{area.x:.1f} {line:.1f}H{area.right:.1f}" stroke="#e9ebee" stroke-width="1"/>'
        )
        canvas.text(area.x - 5, line + 3.5, word, size=10.5, color=MUTED, anchor="end")
    _thresholds(canvas, area, defaults, axis, y)
    x = [area.x + index / (len(lines[0].points) - 1) * area.width for index in range(len(lines[0].points))]
    for index, top in enumerate(tops):
        colour = PALETTE[index % len(PALETTE)]
        for run in _runs(top):
            points = [(x[at], y(top[at])) for at in run]
            if stacked:
                foot = [(points[-1][0], area.bottom), (points[0][0], area.bottom)]
                canvas.elements.append(f'<path d="{way([*points, *foot])}z" fill="{colour}" fill-opacity="0.12"/>')
            canvas.elements.append(f'<path d="{way(points)}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
    times(canvas, area, lines[0])


def way(points: Sequence[Point]) -> str:
    """The data of an SVG path through points, without those that lie on the line between their neighbours."""
    kept = [
        point
        for index, point in enumerate(points)
        if index in (0, len(points) - 1) or not _between(points[index - 1], point, points[index + 1])
    ]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept)


def _between(before: Point, point: Point, after: Point) -> bool:
    return abs((after[1] - point[1]) - (point[1] - before[1])) < 0.05


def times(canvas: Canvas, area: Box, line: Line) -> None:
    """Clock times under an area, in UTC."""
    start, end = line.points[0][0], line.points[-1][0]
    every = next(size for size in (300, 600, 900, 1800, 3600, 7200) if (end - start) / size * 46 < area.width)
    moment = math.ceil(start / every) * every
    while moment <= end:
        x = area.x + (moment - start) / (end - start) * area.width
        if area.x + 12 < x < area.right - 10:
            canvas.text(
                x,
                area.bottom + 14,
                f"{datetime.fromtimestamp(moment, UTC):%H:%M}",
                size=10.5,
                color=MUTED,
                anchor="middle",
            )
        moment += every


def _stacked(lines: Sequence[Line]) -> list[list[float]]:
    tops: list[list[float]] = []
    for line in lines:
        below = tops[-1] if tops else [0.0] * len(line.points)
        tops.append(
            [base + (value if math.isfinite(value) else 0) for base, (_, value) in zip(below, line.points, strict=True)]
        )
    return tops


def _axis(values: Sequence[float], defaults: Mapping[str, Any]) -> _Axis:
    if defaults["custom"]["scaleDistribution"]["type"] == "log":
        first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return _Axis(10.0**first, 10.0**last, [10.0**power for power in range(first, last + 1)], logarithmic=True)
    low = defaults.get("min", min(values))
    high = defaults.get("max", max(*values, low))
    span = (high - low) or 1.0
    size = 10.0 ** math.floor(math.log10(span / LINES))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor * LINES >= span * 0.999)
    if "max" not in defaults:
        high = low + math.ceil(span / step - 1e-9) * step
    marks = [low + number * step for number in range(math.floor((high - low) / step + 1e-9) + 1)]
    fine = defaults["unit"] == "percentunit" and step < 0.01
    return _Axis(low, high, marks, decimals=defaults.get("decimals") if fine else None)


def _thresholds(
    canvas: Canvas, area: Box, defaults: Mapping[str, Any], axis: _Axis, y: Callable[[float], float]
) -> None:
    if defaults["custom"]["thresholdsStyle"]["mode"] == "off":
        return
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and axis.low <= step["value"] <= axis.high:
            line, colour = y(step["value"]), COLOURS[step["color"]]
            canvas.elements.append(
                f'<path d="M{area.x:.1f} {line:.1f}H{area.right:.1f}" stroke="{colour}" stroke-width="1.3" '
                f'stroke-dasharray="6 4"/>'
            )


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Indices of values without a gap between them."""
    runs: list[list[int]] = []
    for index, value in enumerate(values):
        if math.isfinite(value):
            if runs and runs[-1][-1] == index - 1:
                runs[-1].append(index)
            else:
                runs.append([index])
    return runs
