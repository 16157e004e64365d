"""Drawing of the KV cache's way from prefill to decode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from infra.report.picture.pools import INFORMATION
from infra.report.picture.scene import PoolScene, Scene
from infra.report.picture.svg import KV_CACHE, Box, Canvas, text_width

_NAME, _GUTTER, _LANE = 10, 12, 7
"""Below a model's top: the middle of its name. Left of it: where its lanes begin, and how far they are apart."""


def draw_transfers(canvas: Canvas, pools: Sequence[tuple[PoolScene, Box, Mapping[str, float]]]) -> None:
    """An arrow from each role that hands its KV cache over to the one that gets it, with the transport beside the
    sender's name. `pools` are the pools with their boxes and where each of their models begins.
    """
    tops = {name: (box.x + INFORMATION, top) for _, box, starts in pools for name, top in starts.items()}
    senders = [model for pool, _, _ in pools for model in pool.models if model.sends_to in tops]
    for number, model in enumerate(senders):
        (x, start), (_, end) = tops[model.name], tops[model.sends_to]
        lane = x - _GUTTER - number % 3 * _LANE
        begin, arrive = start + _NAME, end + _NAME
        canvas.path([(x - 4, begin), (lane, begin), (lane, arrive), (x - 4, arrive)], KV_CACHE)
        beside = x + text_width(model.name, 14) + 14 + text_width(model.lines[0], 13) + 18
        canvas.text(beside, start + 15, model.sends_by, color=KV_CACHE, weight=600)


def legend_of_transfers(scene: Scene) -> Iterator[tuple[str, str, bool]]:
    """Colour, words and whether dashed, where the scene has such a way."""
    if any(model.sends_to for zone in scene.zones for pool in zone.pools for model in pool.models):
        yield KV_CACHE, "KV cache", False
