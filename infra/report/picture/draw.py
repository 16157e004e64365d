"""From a plan to the bytes of a picture file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.report.picture.layout import svg
from infra.report.picture.mermaid import mermaid
from infra.report.picture.png import png
from infra.report.picture.scene import scene_of

if TYPE_CHECKING:
    from infra.plan import Plan

FORMATS = (".svg", ".png", ".mmd")
"""Endings of picture files."""


def draw(plan: Plan, ending: str) -> bytes:
    """The picture in the format of `ending`, one of `FORMATS`; KeyError for another."""
    scene = scene_of(plan)
    make = {
        ".svg": lambda: svg(scene).encode(),
        ".png": lambda: png(svg(scene)),
        ".mmd": lambda: mermaid(scene).encode(),
    }
    return make[ending]()
