"""One panel: its frame, and what is in it by its type."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from infra.report.picture.svg import INK, MUTED, Box, Canvas, text_width
from tests.behaviour.draw.evaluate import Drawn, Line
from tests.behaviour.draw.graph import COLOURS, PALETTE, draw_graph, times, way
from tests.behaviour.draw.units import text

_BOLD = re.compile(r"[*`]+")


def draw_panel(canvas: Canvas, box: Box, drawn: Drawn) -> None:
    """Frame and title, then the content; a panel without data says so."""
    canvas.box(box, "#ffffff", "#e3e5e8", radius=2, width=1)
    canvas.text(box.x + 8, box.y + 18, drawn.panel["title"], size=12.5, weight=600)
    inside = Box(box.x + 8, box.y + 26, box.width - 16, box.height - 32)
    kind = drawn.panel["type"]
    if kind == "text":
        _draw_text(canvas, inside, drawn.panel["options"]["content"])
    elif not any(line.values for line in drawn.lines):
        canvas.text(
            *inside.middle, drawn.panel["fieldConfig"]["defaults"]["noValue"], size=14, color=MUTED, anchor="middle"
        )
    elif kind == "stat":
        _draw_stat(canvas, inside, drawn)
    elif kind == "state-timeline":
        _draw_states(canvas, inside, drawn)
    else:
        _draw_series(canvas, inside, drawn)


def colour_of(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    """The colour of the highest threshold that a value reaches."""
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLOURS[reached[-1]]


def _draw_text(canvas: Canvas, box: Box, content: str) -> None:
    line, top = "", box.y + 14
    for word in [*_BOLD.sub("", content).split(), ""]:
        if not word or text_width(f"{line} {word}", 13) > box.width:
            canvas.text(box.x, top, line, size=13)
            line, top = word, top + 18
        else:
            line = f"{line} {word}".strip()


def _draw_stat(canvas: Canvas, box: Box, drawn: Drawn) -> None:
    defaults = drawn.panel["fieldConfig"]["defaults"]
    line = drawn.lines[0]
    value = line.values[-1]
    colour = colour_of(value, defaults["thresholds"]["steps"])
    low, high = min(line.values), max(line.values)
    foot = box.bottom - 2
    span = (high - low) or 1.0
    points = [
        (box.x + index / (len(line.points) - 1) * box.width, foot - (value - low) / span * box.height * 0.35)
        for index, (_, value) in enumerate(line.points)
        if math.isfinite(value)
    ]
    shape = way([(points[0][0], foot), *points, (points[-1][0], foot)])
    canvas.elements.append(f'<path d="{shape}z" fill="{colour}" fill-opacity="0.15"/>')
    shown = text(value, defaults["unit"], defaults.get("decimals"))
    size = min(34.0, 34.0 * box.width / max(text_width(shown, 34), 1))
    canvas.text(box.middle[0], box.y + box.height * 0.55, shown, size=size, color=colour, weight=600, anchor="middle")


def _draw_states(canvas: Canvas, box: Box, drawn: Drawn) -> None:
    (mapping,) = drawn.panel["fieldConfig"]["defaults"]["mappings"]
    states = mapping["options"]
    names = 8 + min(box.width * 0.42, max(text_width(line.name, 11) for line in drawn.lines))
    area = Box(box.x + names, box.y, box.width - names, box.height - 36)
    height = area.height / len(drawn.lines)
    for row, line in enumerate(drawn.lines):
        top = area.y + row * height
        _fitted(canvas, box.x, top + height / 2 + 4, line.name, names - 6)
        width = area.width / len(line.points)
        for first, last, state in _runs(line):
            fill = COLOURS[states[state]["color"]]
            canvas.elements.append(
                f'<rect x="{area.x + first * width:.1f}" y="{top + 2:.1f}" width="{(last - first) * width:.1f}" '
                f'height="{max(1, height - 4):.1f}" fill="{fill}" fill-opacity="0.7"/>'
            )
    times(canvas, area, drawn.lines[0])
    left = box.x
    for state in states.values():
        canvas.box(Box(left, box.bottom - 9, 12, 8), COLOURS[state["color"]], COLOURS[state["color"]], radius=1)
        canvas.text(left + 17, box.bottom - 1, state["text"], size=11, color=MUTED)
        left += text_width(state["text"], 11) + 34


def _runs(line: Line) -> list[tuple[int, int, str]]:
    """Stretches of one state: first index, index after the last, value."""
    runs: list[tuple[int, int, str]] = []
    for index, (_, value) in enumerate(line.points):
        if not math.isfinite(value):
            continue
        state = f"{value:g}"
        if runs and runs[-1][1] == index and runs[-1][2] == state:
            runs[-1] = (runs[-1][0], index + 1, state)
        else:
            runs.append((index, index + 1, state))
    return runs


def _draw_series(canvas: Canvas, box: Box, drawn: Drawn) -> None:
    panel = drawn.panel
    defaults = panel["fieldConfig"]["defaults"]
    beside = panel["options"]["legend"]["placement"] == "right"
    if beside:
        wide = min(box.width * 0.5, 150 + max(text_width(line.name, 11) for line in drawn.lines))
        graph, legend = (
            Box(box.x, box.y, box.width - wide - 12, box.height),
            Box(box.right - wide, box.y, wide, box.height),
        )
        _table(canvas, legend, drawn.lines, defaults)
    else:
        rows = _rows(drawn.lines, box.width)
        graph = Box(box.x, box.y, box.width, box.height - 15 * len(rows))
        for number, row in enumerate(rows):
            left = box.x
            for index, line in row:
                _key(canvas, left, graph.bottom + 15 * number + 10, PALETTE[index % len(PALETTE)])
                _fitted(canvas, left + 17, graph.bottom + 15 * number + 13, line.name, box.width - 20)
                left += text_width(line.name, 11) + 32
    draw_graph(canvas, graph, drawn.lines, defaults)


def _table(canvas: Canvas, box: Box, lines: Sequence[Line], defaults: Mapping[str, Any]) -> None:
    for right, word in ((box.right - 58, "Mean"), (box.right, "Max")):
        canvas.text(right, box.y + 10, word, size=11, color="#2563eb", anchor="end")
    for index, line in enumerate(lines):
        base = box.y + 27 + 16 * index
        _key(canvas, box.x, base - 3, PALETTE[index % len(PALETTE)])
        _fitted(canvas, box.x + 17, base, line.name, box.width - 138)
        values = line.values or [math.nan]
        for right, value in ((box.right - 58, sum(values) / len(values)), (box.right, max(values))):
            shown = text(value, defaults["unit"], defaults.get("decimals"))
            canvas.text(right, base, shown, size=11, color=INK, anchor="end")


def _rows(lines: Sequence[Line], width: float) -> list[list[tuple[int, Line]]]:
    """Legends side by side, as many as fit; at most four rows, as far as Grafana shows them without scrolling."""
    rows: list[list[tuple[int, Line]]] = [[]]
    left = 0.0
    for index, line in enumerate(lines):
        wide = text_width(line.name, 11) + 32
        if rows[-1] and left + wide > width + 15:
            rows.append([])
            left = 0.0
        rows[-1].append((index, line))
        left += wide
    return rows[:4]


def _key(canvas: Canvas, x: float, y: float, colour: str) -> None:
    canvas.elements.append(f'<rect x="{x:.1f}" y="{y - 2:.1f}" width="12" height="3.5" rx="1" fill="{colour}"/>')


def _fitted(canvas: Canvas, x: float, y: float, words: str, width: float) -> None:
    while len(words) > 4 and text_width(words, 11) > width:
        words = words[:-2].rstrip(" …") + "…"
    canvas.text(x, y, words, size=11, color=INK)
