"""SVG to PNG, by resvg with a font that comes with the program: the same pixels on every machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ZOOM = 2.0
"""Pixels per unit of the picture, sharp on dense screens."""
_FONT_PACKAGE = "font_source_sans_pro"
_FACES = ("Regular", "Semibold", "Bold")


def png(svg: str) -> bytes:
    """The picture as PNG."""
    import resvg_py

    spec = find_spec(_FONT_PACKAGE)
    folder = (
        Path(str(spec.submodule_search_locations[0])) / "files" if spec and spec.submodule_search_locations else None
    )
    faces = [str(folder / f"SourceSansPro-{face}.ttf") for face in _FACES] if folder else []
    content = resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=ZOOM,
        background="#ffffff",
        skip_system_fonts=bool(faces),
        font_files=faces,
        font_family="Source Sans Pro",
        sans_serif_family="Source Sans Pro",
    )
    return bytes(content)
