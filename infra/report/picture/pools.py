"""Drawing of node pools: nodes with their GPUs, grouped as the models use them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from infra.report.figures import count
from infra.report.picture.scene import ModelScene, PoolScene
from infra.report.picture.svg import INK, MUTED, Box, Canvas, text_width

PALETTE = (
    ("#e0ecff", "#3b74d9"),
    ("#dff5ec", "#178a63"),
    ("#fde8ef", "#c43f6e"),
    ("#efe7fb", "#7b4bc4"),
    ("#fdf1d8", "#a9780c"),
    ("#dff3f7", "#11809a"),
)
"""Fill and stroke by model, in turn."""
INFORMATION = 292
"""Width of the column in which a pool's own lines stand."""
_DOT, _NODE_HEIGHT, _GROUP_HEIGHT, _GAP = 14, 40, 72, 10
_MOST_GROUPS, _MOST_NODES, _MOST_FREE = 6, 8, 16
_LINE = 17


@dataclass(frozen=True, slots=True)
class _Group:
    """Nodes that belong together. `gpus` are those of each node that are drawn: what its `pods` pods take of it."""

    label: str
    nodes: int
    gpus: int
    pods: int = 1

    @property
    def width(self) -> float:
        """How wide its box is."""
        shown = min(self.nodes, _MOST_NODES)
        return max(shown * (_node_width(self.gpus) + _GAP) - _GAP + 16, text_width(self.label, 12) + 16)


def pool_height(pool: PoolScene, width: float) -> float:
    """How high a pool's box is when it is `width` wide."""
    blocks = sum(_block_height(model, width - INFORMATION) for model in pool.models)
    below = _GROUP_HEIGHT + 10 if _rest(pool) and not _rest_beside(pool, width) else 0
    return max(122, 14 + blocks + below)


def draw_pool(canvas: Canvas, box: Box, pool: PoolScene, first_color: int) -> None:
    """Draw a pool into `box`; its models take the colours from `first_color` on."""
    canvas.box(box, "#fbfcfe", "#9aa9bb")
    canvas.lines(box.x + 16, box.y + 28, (pool.title, *pool.lines), size=14)
    tops = model_tops(box, pool)
    for number, model in enumerate(pool.models):
        _draw_model(canvas, box, tops[model.name], model, PALETTE[(first_color + number) % len(PALETTE)])
    _draw_rest(canvas, box, pool)


def model_tops(box: Box, pool: PoolScene) -> dict[str, float]:
    """Where each model of a pool in `box` begins, by name."""
    found, y = {}, box.y + 12
    for model in pool.models:
        found[model.name] = y
        y += _block_height(model, box.width - INFORMATION)
    return found


def _rest(pool: PoolScene) -> list[_Group]:
    """What no replica takes at the start."""
    found = []
    if pool.free_gpus:
        found.append(_Group(count(pool.free_gpus, "free GPU"), 1, min(pool.free_gpus, _MOST_FREE)))
    if pool.held:
        found.append(_Group(f"{count(pool.held, 'node')} for more replicas", pool.held, pool.gpus_per_node))
    if pool.spare:
        found.append(_Group(count(pool.spare, "spare node"), pool.spare, pool.gpus_per_node))
    return found


def _wide(groups: list[_Group]) -> float:
    return sum(group.width + _GAP for group in groups)


def _rest_beside(pool: PoolScene, width: float) -> bool:
    """Whether the rest finds room to the right of the first model's first row."""
    if not pool.models:
        return False
    row = _rows(pool.models[0], width - INFORMATION)[0]
    return _wide(row) + _wide(_rest(pool)) - _GAP + 16 <= width - INFORMATION


def _draw_rest(canvas: Canvas, box: Box, pool: PoolScene) -> None:
    rest = _rest(pool)
    width = box.width - INFORMATION
    if _rest_beside(pool, box.width):
        x, y = box.right - 16 - _wide(rest) + _GAP, box.y + 12 + _head_height(pool.models[0], width)
    else:
        x, y = box.x + INFORMATION, box.y + 12 + sum(_block_height(model, width) for model in pool.models)
    for group in rest:
        _draw_group(canvas, x, y, group, None)
        x += group.width + _GAP


def _draw_model(canvas: Canvas, box: Box, y: float, model: ModelScene, colors: tuple[str, str]) -> None:
    x = box.x + INFORMATION
    canvas.text(x, y + 15, model.name, size=14, color=colors[1], weight=600)
    canvas.text(x + text_width(model.name, 14) + 14, y + 15, model.lines[0], size=13, color=MUTED)
    width = box.width - INFORMATION
    for number, line in enumerate(_details(model, width)):
        canvas.text(x, y + 33 + number * _LINE, line, size=13, color=MUTED)
    y += _head_height(model, width)
    for row in _rows(model, width):
        left = x
        for group in row:
            _draw_group(canvas, left, y, group, colors)
            left += group.width + _GAP
        y += _GROUP_HEIGHT + 8
    hidden = len(list(_groups(model))) - _MOST_GROUPS
    if hidden > 0:
        canvas.text(x, y + 8, f"and {hidden} more like these", size=12, color=MUTED)


def _details(model: ModelScene, width: float) -> list[str]:
    """What is said of a model, in lines of at most `width`."""
    lines = [""]
    for part in model.lines[1:]:
        longer = f"{lines[-1]} · {part}" if lines[-1] else part
        if lines[-1] and text_width(longer, 13) > width - 8:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _head_height(model: ModelScene, width: float) -> float:
    """How far below a model's top its groups begin."""
    return 25 + len(_details(model, width)) * _LINE


def _block_height(model: ModelScene, width: float) -> float:
    more = 16 if len(list(_groups(model))) > _MOST_GROUPS else 0
    return _head_height(model, width) + len(_rows(model, width)) * (_GROUP_HEIGHT + 8) + more + 8


def _rows(model: ModelScene, width: float) -> list[list[_Group]]:
    rows: list[list[_Group]] = [[]]
    used = 0.0
    for group in list(_groups(model))[:_MOST_GROUPS]:
        wide = group.width
        if rows[-1] and used + wide > width - 16:
            rows.append([])
            used = 0
        rows[-1].append(group)
        used += wide + _GAP
    return rows


def _groups(model: ModelScene) -> Iterator[_Group]:
    """Replicas of a model; those that share a node are one group, without the GPUs that others may take of it."""
    if model.pods_per_node == 1:
        for number in range(model.replicas):
            yield _Group(f"replica {number + 1}", model.nodes_per_group, model.gpus_per_pod)
        return
    every = model.replicas * model.nodes_per_group
    kind = "replica" if model.nodes_per_group == 1 else "pod"
    for first in range(0, every, model.pods_per_node):
        pods = min(model.pods_per_node, every - first)
        yield _Group(count(pods, kind), 1, pods * model.gpus_per_pod, pods)


def _draw_group(canvas: Canvas, x: float, y: float, group: _Group, colors: tuple[str, str] | None) -> None:
    fill, stroke = colors or ("#ffffff", "#9aa9bb")
    canvas.box(Box(x, y, group.width, _GROUP_HEIGHT), fill, stroke, radius=6, dashed=colors is None, width=1)
    more = f", {group.nodes} nodes" if group.nodes > _MOST_NODES else ""
    canvas.text(x + 8, y + 16, group.label + more, size=12, color=stroke if colors else MUTED)
    width = _node_width(group.gpus)
    for number in range(min(group.nodes, _MOST_NODES)):
        node = Box(x + 8 + number * (width + _GAP), y + 24, width, _NODE_HEIGHT)
        if number:
            middle = node.y + _NODE_HEIGHT / 2
            canvas.path([(node.x - _GAP, middle), (node.x, middle)], INK, arrow=False)
        _draw_node(canvas, node, group.gpus, group.pods, colors)


def _draw_node(canvas: Canvas, node: Box, gpus: int, pods: int, colors: tuple[str, str] | None) -> None:
    canvas.box(node, "#ffffff", colors[1] if colors else "#9aa9bb", radius=4, dashed=colors is None, width=1)
    columns = _columns(gpus)
    for gpu in range(gpus):
        column, row = (gpu // 2, gpu % 2) if gpus > 1 else (0, 0)
        x = node.x + (node.width - columns * _DOT) / 2 + (column + 0.5) * _DOT
        y = node.y + (12 + row * 16 if gpus > 1 else _NODE_HEIGHT / 2)
        pod = gpu * pods // gpus
        shade = colors[1] if colors and pod % 2 == 0 else colors[0] if colors else "#ffffff"
        canvas.dot(x, y, 4.6, shade, colors[1] if colors else "#9aa9bb")


def _columns(gpus: int) -> int:
    return max(1, math.ceil(gpus / 2))


def _node_width(gpus: int) -> float:
    return max(44, _columns(gpus) * _DOT + 12)
