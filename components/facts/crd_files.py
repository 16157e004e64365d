"""The files of CustomResourceDefinitions that Helm installs once and never upgrades, pinned by commit and SHA-256.

The table is `crd_files.txt`. Each hash was taken of the file in the repository's tag of the version that
`components.facts.pins` names. The KEDA chart is not in it: its definitions are templates, which Helm upgrades.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class CrdFile:
    """One file: the chart that it belongs to, where it is, and its SHA-256 in hexadecimal."""

    chart: str
    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name; unique within its chart."""
        return self.url.rsplit("/", 1)[1]


@cache
def crd_files() -> tuple[CrdFile, ...]:
    """Every file, chart by chart."""
    text = files("components.facts").joinpath("crd_files.txt").read_text()
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return tuple(CrdFile(chart, f"{RAW}/{place}", sha256) for sha256, chart, place in rows)
