"""Drawing primitives: a canvas that collects SVG elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from infra.report.figures import TIMES

FONT = "'Source Sans Pro', 'Source Sans 3', 'Helvetica Neue', Arial, sans-serif"
INK, MUTED = "#1d2733", "#5b6b7d"
TRAFFIC, WEIGHTS, METRICS, KV_CACHE = "#2563eb", "#c2570c", "#7c6f9c", "#0f766e"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the canvas, in units of a pixel at zoom 1."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> Point:
        """The centre."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass
class Canvas:
    """SVG elements in the order in which they are drawn."""

    elements: list[str] = field(default_factory=list)

    def box(
        self, box: Box, fill: str, stroke: str, *, radius: float = 8, dashed: bool = False, width: float = 1.2
    ) -> None:
        """A rectangle with round corners."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.elements.append(
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="{radius:g}" '
            f'fill="{fill}" stroke="{stroke}" stroke-width="{width:g}"{dash}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        color: str = INK,
        weight: int = 400,
        anchor: str = "start",
    ) -> None:
        """One line of text; `y` is its baseline."""
        self.elements.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{color}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )

    def lines(self, x: float, y: float, lines: Sequence[str], *, anchor: str = "start", size: float = 13) -> None:
        """A heading and lines below it."""
        for number, line in enumerate(lines):
            weight, color = (600, INK) if number == 0 else (400, MUTED)
            self.text(x, y + number * (size + 4), line, size=size, color=color, weight=weight, anchor=anchor)

    def dot(self, x: float, y: float, radius: float, fill: str, stroke: str) -> None:
        """A small circle."""
        self.elements.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{stroke}"/>')

    def path(self, points: Sequence[Point], color: str, *, arrow: bool = True, dashed: bool = False) -> None:
        """A line through points, with an arrow head at its end."""
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        head = f' marker-end="url(#arrow-{color[1:]})"' if arrow else ""
        way = " ".join(f"{'L' if number else 'M'}{x:g} {y:g}" for number, (x, y) in enumerate(points))
        self.elements.append(
            f'<path d="{way}" fill="none" stroke="{color}" stroke-width="1.8" stroke-linejoin="round"{dash}{head}/>'
        )

    def document(self, width: float, height: float, title: str) -> str:
        """The whole file."""
        markers = "".join(
            f'<marker id="arrow-{color[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L10 5L0 10z" fill="{color}"/></marker>'
            for color in (TRAFFIC, WEIGHTS, METRICS, KV_CACHE)
        )
        body = "\n".join(self.elements)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" font-family={quoteattr(FONT)} role="img">\n'
            f"<title>{escape(title)}</title>\n<defs>{markers}</defs>\n"
            f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


def text_width(text: str, size: float) -> float:
    """How wide a line is at most, in the widest font of `FONT`."""
    return sum(_WIDTHS.get(letter, 0.56) for letter in text) * size


_WIDTHS = {**dict.fromkeys("iljtfrI.,:;'|()[] ·", 0.33), **dict.fromkeys("mwMW@%", 0.87), TIMES: 0.58}
