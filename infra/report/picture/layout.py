"""Where everything stands: clients and sources above the VPC, CPU nodes, then a box per zone; flows in the margins."""

from __future__ import annotations

from dataclasses import dataclass

from infra.report.picture.pools import draw_pool, model_tops, pool_height
from infra.report.picture.scene import PoolScene, Scene, ZoneScene
from infra.report.picture.svg import INK, METRICS, MUTED, TRAFFIC, WEIGHTS, Box, Canvas, text_width
from infra.report.picture.transfers import draw_transfers, legend_of_transfers

WIDTH = 1240
_MARGIN, _LEFT, _RIGHT = 20, 92, 1176
_GATEWAY_BUS, _TRAFFIC_BUS, _METRICS_BUS, _WEIGHTS_BUS = 36, 52, 72, 1198
_FILES_WIDTH, _SPACE = 186, 16


@dataclass(frozen=True, slots=True)
class _Placed:
    """A pool and where it stands."""

    pool: PoolScene
    box: Box
    first_color: int


def svg(scene: Scene) -> str:
    """The scene as an SVG document."""
    canvas = Canvas()
    canvas.text(_MARGIN, 38, scene.title, size=22, weight=700)
    canvas.text(_MARGIN + text_width(scene.title, 22) + 18, 38, scene.subtitle, size=14, color=MUTED)
    chips = _chips(scene)
    below = max([_LEAST_SYSTEM, *(chip.bottom + 16 for chip in chips)])
    gateway = Box(_LEFT + 16, max(below - 8, 348), 200, 48) if scene.gateway else None
    system = Box(_LEFT, 268, _RIGHT - _LEFT, (gateway.bottom + 14 if gateway else below) - 268)
    pools, files, bottom = _zones(scene, top=system.bottom + _SPACE)
    vpc = Box(_MARGIN, _VPC_TOP, WIDTH - 2 * _MARGIN, bottom - _VPC_TOP + 14)
    canvas.box(vpc, "#f6f8fb", "#64748b", radius=12, width=1.6)
    canvas.text(_CONTROL.x, _VPC_TOP + 26, scene.network, size=14, weight=600)
    _edges(canvas, scene)
    _system(canvas, scene, system, chips)
    _draw_zones(canvas, scene, pools, files, system.bottom + _SPACE)
    _traffic(canvas, scene, gateway, pools)
    if scene.scraped:
        _metrics(canvas, chips[len(scene.platform)], pools)
    _weights(canvas, scene, pools, files)
    draw_transfers(canvas, [(item.pool, item.box, model_tops(item.box, item.pool)) for item in pools])
    _legend(canvas, scene, vpc.bottom + 30)
    return canvas.document(WIDTH, vpc.bottom + 52, f"Architecture of {scene.title}")


_VPC_TOP, _LEAST_SYSTEM = 142, 360
_CLIENTS = Box(_MARGIN + 12, 66, 250, 48)
_SOURCE = Box(WIDTH - _MARGIN - 262, 66, 250, 48)
_ENTRY = Box(_MARGIN + 12, 184, 250, 60)
_KEPT = Box(310, 66, 600, 48)
_CONTROL = Box(310, 184, 600, 60)
_WAY_OUT = Box(WIDTH - _MARGIN - 262, 184, 250, 60)
_PREFETCH = Box(_RIGHT - 156, 288, 140, 52)
_CHIPS = _LEFT + 220


def _chips(scene: Scene) -> list[Box]:
    """Places of the platform's chips, then of monitoring's, which begin a row of their own."""
    boxes: list[Box] = []
    y = 284.0
    for names in (scene.platform, scene.monitoring):
        x = float(_CHIPS)
        for name in names:
            width = text_width(name, 13) + 18
            if x + width > _PREFETCH.x - 16:
                x, y = float(_CHIPS), y + 40
            boxes.append(Box(x, y, width, 32))
            x += width + 10
        y += 40
    return boxes


def _edges(canvas: Canvas, scene: Scene) -> None:
    outside = bool(scene.load_balancer)
    if outside:
        canvas.box(_CLIENTS, "#ffffff", TRAFFIC)
        canvas.text(*_below(_CLIENTS, 29), "Clients", size=14, weight=600, anchor="middle")
        canvas.path([(_CLIENTS.middle[0], _CLIENTS.bottom), (_ENTRY.middle[0], _ENTRY.y)], TRAFFIC)
    entry = scene.load_balancer or ("Clients in the cluster", "no load balancer asked for")
    canvas.box(_ENTRY, "#ffffff", TRAFFIC, dashed=not outside)
    canvas.lines(*_below(_ENTRY, 26), entry, anchor="middle", size=14)
    canvas.box(_CONTROL, "#fff7e8", "#c98a1b")
    canvas.lines(*_below(_CONTROL, 26), scene.control_plane, anchor="middle", size=14)
    canvas.box(_WAY_OUT, "#ffffff", "#64748b")
    canvas.lines(*_below(_WAY_OUT, 26), (scene.way_out, "the way out of the VPC"), anchor="middle", size=14)
    for box, lines in zip(_side_by_side(_KEPT, len(scene.kept_outside)), scene.kept_outside, strict=True):
        canvas.box(box, "#f3f0f9", METRICS)
        canvas.lines(*_below(box, 20), lines, anchor="middle", size=14)
    if scene.sources:
        canvas.box(_SOURCE, "#ffffff", WEIGHTS)
        canvas.text(*_below(_SOURCE, 29), " · ".join(scene.sources), size=14, weight=600, anchor="middle")
        canvas.path([(_SOURCE.middle[0], _SOURCE.bottom), (_WAY_OUT.middle[0], _WAY_OUT.y)], WEIGHTS)


def _side_by_side(room: Box, number: int) -> list[Box]:
    """So many boxes of one width, which fill a room."""
    width = (room.width - _SPACE * (number - 1)) / max(number, 1)
    return [Box(room.x + each * (width + _SPACE), room.y, width, room.height) for each in range(number)]


def _system(canvas: Canvas, scene: Scene, box: Box, chips: list[Box]) -> None:
    canvas.box(box, "#eef7f0", "#4f8a63")
    canvas.lines(box.x + 16, box.y + 28, scene.system_pool, size=14)
    for number, (chip, name) in enumerate(zip(chips, (*scene.platform, *scene.monitoring), strict=True)):
        colors = ("#ffffff", "#4f8a63") if number < len(scene.platform) else ("#f3f0f9", METRICS)
        canvas.box(chip, *colors)
        canvas.text(*_below(chip, 21), name, size=13, anchor="middle")
    if scene.prefetched:
        canvas.box(_PREFETCH, "#fff3ea", WEIGHTS)
        canvas.lines(*_below(_PREFETCH, 22), ("Weights prefetch", "once, on CPU nodes"), anchor="middle", size=13)


def _zones(scene: Scene, top: float) -> tuple[list[_Placed], Box | None, float]:
    """The pools with their places, the file system's place, and where the last zone ends."""
    pools: list[_Placed] = []
    files: Box | None = None
    width = _pool_width(scene)
    y, color = top, 0
    for zone in scene.zones:
        inner = y + _ZONE_HEAD
        for pool in zone.pools:
            height = pool_height(pool, width)
            pools.append(_Placed(pool, Box(_LEFT + 14, inner, width, height), color))
            color += len(pool.models)
            inner += height + 12
        if zone.file_system:
            here = y + _ZONE_HEAD
            files = Box(_RIGHT - 14 - _FILES_WIDTH, here, _FILES_WIDTH, 122)
            inner = max(inner, files.bottom + 12)
        y = inner + (2 if zone.pools or zone.file_system else 0) + _SPACE
    return pools, files, y - _SPACE


_ZONE_HEAD = 42


def _pool_width(scene: Scene) -> float:
    shared = any(zone.file_system for zone in scene.zones)
    return _RIGHT - _LEFT - 28 - (_FILES_WIDTH + 44 if shared else 0)


def _draw_zones(canvas: Canvas, scene: Scene, pools: list[_Placed], files: Box | None, y: float) -> None:
    waiting = iter(pools)
    for zone in scene.zones:
        placed = [next(waiting) for _ in zone.pools]
        end = max(
            [item.box.bottom for item in placed] + ([files.bottom] if files and zone.file_system else []), default=0
        )
        box = Box(_LEFT, y, _RIGHT - _LEFT, (end + 14 - y) if end else _ZONE_HEAD)
        canvas.box(box, "#ffffff", "#94a3b8", dashed=True, radius=10)
        _zone_head(canvas, box, zone)
        for item in placed:
            draw_pool(canvas, item.box, item.pool, item.first_color)
        if files and zone.file_system:
            canvas.box(files, "#fff3ea", WEIGHTS)
            x, middle = files.middle
            canvas.lines(x, middle - 16, zone.file_system, anchor="middle", size=14)
        y = box.bottom + _SPACE


def _zone_head(canvas: Canvas, box: Box, zone: ZoneScene) -> None:
    canvas.text(box.x + 16, box.y + 27, f"Zone {zone.name}", size=14, weight=600)
    text = " · ".join(zone.lines)
    canvas.text(box.x + 16 + text_width(f"Zone {zone.name}", 14) + 16, box.y + 27, text, size=13, color=MUTED)


def _traffic(canvas: Canvas, scene: Scene, gateway: Box | None, pools: list[_Placed]) -> None:
    for item in pools:
        if any(scene.direct(model) for model in item.pool.models):
            y = item.box.y + 30
            canvas.path([(_TRAFFIC_BUS, _ENTRY.bottom), (_TRAFFIC_BUS, y), (item.box.x, y)], TRAFFIC)
    if scene.gateway and gateway:
        canvas.box(gateway, "#ffffff", TRAFFIC)
        canvas.lines(*_below(gateway, 20), scene.gateway.lines, anchor="middle", size=14)
        _traffic_of_gateway(canvas, gateway, pools, reached=scene.gateway.reached)


def _traffic_of_gateway(canvas: Canvas, gateway: Box, pools: list[_Placed], *, reached: bool) -> None:
    if reached:
        y = gateway.y + 14
        canvas.path([(_TRAFFIC_BUS, _ENTRY.bottom), (_TRAFFIC_BUS, y), (gateway.x, y)], TRAFFIC)
    start = gateway.bottom - 14
    for item in pools:
        if any(model.asked for model in item.pool.models):
            y = item.box.y + 45
            way = [(gateway.x, start), (_GATEWAY_BUS, start), (_GATEWAY_BUS, y), (item.box.x, y)]
            canvas.path(way, TRAFFIC)


def _metrics(canvas: Canvas, prometheus: Box, pools: list[_Placed]) -> None:
    start = prometheus.middle[1]
    for item in pools:
        y = item.box.y + 60
        way = [(prometheus.x, start), (_METRICS_BUS, start), (_METRICS_BUS, y), (item.box.x, y)]
        canvas.path(way, METRICS, dashed=True)


def _weights(canvas: Canvas, scene: Scene, pools: list[_Placed], files: Box | None) -> None:
    if scene.prefetched:
        x = _PREFETCH.middle[0]
        canvas.path([(x, _WAY_OUT.bottom), (x, _PREFETCH.y)], WEIGHTS)
    if files is None:
        _weights_without_files(canvas, pools)
        return
    y = files.y + 30
    start = (_PREFETCH.right, _PREFETCH.middle[1]) if scene.prefetched else (_WEIGHTS_BUS, _WAY_OUT.bottom)
    if scene.sources:
        canvas.path([start, (_WEIGHTS_BUS, start[1]), (_WEIGHTS_BUS, y), (files.right, y)], WEIGHTS)
    bus = files.x - 22
    for item in pools:
        if item.pool.mounts:
            y = item.box.y + 30
            canvas.path([(files.x, files.y + 30), (bus, files.y + 30), (bus, y), (item.box.right, y)], WEIGHTS)


def _weights_without_files(canvas: Canvas, pools: list[_Placed]) -> None:
    for item in pools:
        if item.pool.models:
            y = item.box.y + 30
            canvas.path([(_WEIGHTS_BUS, _WAY_OUT.bottom), (_WEIGHTS_BUS, y), (item.box.right, y)], WEIGHTS)


def _legend(canvas: Canvas, scene: Scene, y: float) -> None:
    x = float(_MARGIN)
    for color, text, dashed in (
        (TRAFFIC, "requests, to the leader of each group", False),
        (WEIGHTS, "weights", False),
        (METRICS, "metrics, read by Prometheus", True),
        *legend_of_transfers(scene),
    ):
        canvas.path([(x, y - 4), (x + 34, y - 4)], color, dashed=dashed)
        canvas.text(x + 42, y, text, size=13, color=MUTED)
        x += 42 + text_width(text, 13) + 28
    for fill, text in ((INK, "a GPU that serves"), ("#ffffff", "a free GPU")):
        canvas.dot(x + 6, y - 4, 4.6, fill, INK)
        canvas.text(x + 18, y, text, size=13, color=MUTED)
        x += 18 + text_width(text, 13) + 24


def _below(box: Box, offset: float) -> tuple[float, float]:
    """The middle of a box across, and a baseline `offset` below its top."""
    return box.middle[0], box.y + offset
