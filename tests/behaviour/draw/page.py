"""A whole dashboard as one SVG: title, variables, rows, and every panel at its place of the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.report.picture.svg import INK, MUTED, Box, Canvas, text_width
from tests.behaviour.draw.evaluate import Drawn
from tests.behaviour.draw.panels import draw_panel

WIDTH, MARGIN, HEADER = 1360, 14, 74
CELL_HEIGHT, GAP = 30, 8
"""Grafana's: a cell of the grid is 30 pixels high, and panels stand 8 apart."""


def page(board: Mapping[str, Any], panels: Sequence[Drawn], chosen: Mapping[str, Sequence[str]]) -> str:
    """The dashboard as an SVG document."""
    canvas = Canvas()
    bottom = max(each.panel["gridPos"]["y"] + each.panel["gridPos"]["h"] for each in panels)
    height = HEADER + bottom * (CELL_HEIGHT + GAP) + MARGIN
    canvas.box(Box(0, 0, WIDTH, height), "#f4f5f5", "#f4f5f5", radius=0)
    canvas.text(MARGIN, 28, board["title"], size=19, weight=600)
    canvas.text(MARGIN + text_width(board["title"], 19) + 14, 28, board["description"], size=13, color=MUTED)
    _variables(canvas, board, chosen)
    for each in panels:
        box = _place(each.panel["gridPos"])
        if each.panel["type"] == "row":
            canvas.elements.append(f'<path d="M{box.x + 2:g} {box.y + 12:g}h10l-5 6z" fill="{MUTED}"/>')
            canvas.text(box.x + 18, box.y + 21, each.panel["title"], size=15, weight=600)
        else:
            draw_panel(canvas, box, each)
    return canvas.document(WIDTH, height, board["title"])


def _place(grid: Mapping[str, int]) -> Box:
    column = (WIDTH - 2 * MARGIN + GAP) / 24
    return Box(
        MARGIN + grid["x"] * column,
        HEADER + grid["y"] * (CELL_HEIGHT + GAP),
        grid["w"] * column - GAP,
        grid["h"] * (CELL_HEIGHT + GAP) - GAP,
    )


def _variables(canvas: Canvas, board: Mapping[str, Any], chosen: Mapping[str, Sequence[str]]) -> None:
    left = float(MARGIN)
    for variable in board["templating"]["list"]:
        if variable["hide"]:
            continue
        values = chosen.get(variable["name"], ["Prometheus"])
        value = "All" if variable["includeAll"] else values[0]
        label_width, value_width = text_width(variable["label"], 12) + 16, text_width(value, 12) + 28
        canvas.box(Box(left, 42, label_width, 24), "#e9eaeb", "#d5d7d9", radius=2)
        canvas.text(left + 8, 58, variable["label"], size=12, weight=600)
        canvas.box(Box(left + label_width, 42, value_width, 24), "#ffffff", "#d5d7d9", radius=2)
        canvas.text(left + label_width + 8, 58, value, size=12, color=INK)
        left += label_width + value_width + 12
