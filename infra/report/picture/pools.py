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
_MOST_GROUPS, _MOST_NODES = 6, 8


@dataclass(frozen=True, slots=True)
class _Group:
    """Nodes that belong together. `pods` is how many pods share each node."""

    label: str
    nodes: int
    pods: int = 1

    def width(self, gpus: int) -> float:
        shown = min(self.nodes, _MOST_NODES)
        return max(shown * (_node_width(gpus) + _GAP) - _GAP + 16, text_width(self.label, 12) + 16)


def pool_height(pool: PoolScene, width: float) -> float:
    """How high a pool's box is when it is `width` wide."""
    blocks = sum(_block_height(model, pool, width - INFORMATION) for model in pool.models)
    below = _GROUP_HEIGHT + 10 if pool.spare and not _spare_beside(pool, width) else 0
    return max(122, 14 + blocks + below)


def draw_pool(canvas: Canvas, box: Box, pool: PoolScene, first_color: int) -> None:
    """Draw a pool into `box`; its models take the colours from `first_color` on."""
    canvas.box(box, "#fbfcfe", "#9aa9bb")
    canvas.lines(box.x + 16, box.y + 28, (pool.title, *pool.lines), size=14)
    tops = model_tops(box, pool)
    for number, model in enumerate(pool.models):
        _draw_model(canvas, box, tops[model.name], model, pool, PALETTE[(first_color + number) % len(PALETTE)])
    if pool.spare:
        group = _spare(pool)
        beside = _spare_beside(pool, box.width)
        x = box.right - 16 - group.width(pool.gpus_per_node) if beside else box.x + INFORMATION
        below = box.y + 12 + sum(_block_height(model, pool, box.width - INFORMATION) for model in pool.models)
        _draw_group(canvas, x, box.y + 54 if beside else below, group, pool.gpus_per_node, None)


def model_tops(box: Box, pool: PoolScene) -> dict[str, float]:
    """Where each model of a pool in `box` begins, by name."""
    found, y = {}, box.y + 12
    for model in pool.models:
        found[model.name] = y
        y += _block_height(model, pool, box.width - INFORMATION)
    return found


def _spare(pool: PoolScene) -> _Group:
    return _Group(count(pool.spare, "spare node"), pool.spare)


def _spare_beside(pool: PoolScene, width: float) -> bool:
    """Whether the spare nodes find room to the right of the first model's first row."""
    if not pool.models:
        return False
    row = _rows(pool.models[0], pool, width - INFORMATION)[0]
    used = sum(group.width(pool.gpus_per_node) + _GAP for group in row)
    return used + _spare(pool).width(pool.gpus_per_node) + 16 <= width - INFORMATION


def _draw_model(
    canvas: Canvas, box: Box, y: float, model: ModelScene, pool: PoolScene, colors: tuple[str, str]
) -> None:
    x = box.x + INFORMATION
    canvas.text(x, y + 15, model.name, size=14, color=colors[1], weight=600)
    canvas.text(x + text_width(model.name, 14) + 14, y + 15, model.lines[0], size=13, color=MUTED)
    canvas.text(x, y + 33, " · ".join(model.lines[1:]), size=13, color=MUTED)
    y += 42
    for row in _rows(model, pool, box.width - INFORMATION):
        left = x
        for group in row:
            _draw_group(canvas, left, y, group, pool.gpus_per_node, colors)
            left += group.width(pool.gpus_per_node) + _GAP
        y += _GROUP_HEIGHT + 8
    hidden = len(list(_groups(model))) - _MOST_GROUPS
    if hidden > 0:
        canvas.text(x, y + 8, f"and {hidden} more like these", size=12, color=MUTED)


def _block_height(model: ModelScene, pool: PoolScene, width: float) -> float:
    more = 16 if len(list(_groups(model))) > _MOST_GROUPS else 0
    return 42 + len(_rows(model, pool, width)) * (_GROUP_HEIGHT + 8) + more + 8


def _rows(model: ModelScene, pool: PoolScene, width: float) -> list[list[_Group]]:
    rows: list[list[_Group]] = [[]]
    used = 0.0
    for group in list(_groups(model))[:_MOST_GROUPS]:
        wide = group.width(pool.gpus_per_node)
        if rows[-1] and used + wide > width - 16:
            rows.append([])
            used = 0
        rows[-1].append(group)
        used += wide + _GAP
    return rows


def _groups(model: ModelScene) -> Iterator[_Group]:
    """Replicas of a model; those that share a node are one group."""
    if model.pods_per_node == 1:
        for number in range(model.replicas):
            yield _Group(f"replica {number + 1}", model.nodes_per_group)
        return
    for number in range(math.ceil(model.replicas / model.pods_per_node)):
        pods = min(model.pods_per_node, model.replicas - number * model.pods_per_node)
        yield _Group(count(pods, "replica"), 1, pods)


def _draw_group(canvas: Canvas, x: float, y: float, group: _Group, gpus: int, colors: tuple[str, str] | None) -> None:
    fill, stroke = colors or ("#ffffff", "#9aa9bb")
    canvas.box(Box(x, y, group.width(gpus), _GROUP_HEIGHT), fill, stroke, radius=6, dashed=colors is None, width=1)
    more = f", {group.nodes} nodes" if group.nodes > _MOST_NODES else ""
    canvas.text(x + 8, y + 16, group.label + more, size=12, color=stroke if colors else MUTED)
    shown = min(group.nodes, _MOST_NODES)
    for number in range(shown):
        node = Box(x + 8 + number * (_node_width(gpus) + _GAP), y + 24, _node_width(gpus), _NODE_HEIGHT)
        if number:
            middle = node.y + _NODE_HEIGHT / 2
            canvas.path([(node.x - _GAP, middle), (node.x, middle)], INK, arrow=False)
        _draw_node(canvas, node, gpus, group.pods, colors)


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
