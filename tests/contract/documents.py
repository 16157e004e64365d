"""The documentation as data: links, anchors, command lines, the settings that a page names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ANCHOR = re.compile(r'<a id="([^"]+)">')
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of a page, split as a shell would; `$ ` before it is the prompt."""

    page: Path
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.name}: {shlex.join(self.words)}"


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Targets of the links that lead to files or anchors here."""
    return [target for target in _LINK.findall(prose(page)) if "://" not in target and not target.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The anchors of a page: of its headings, as GitHub makes them, and its own."""
    text = prose(page)
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}
    return headings | set(_ANCHOR.findall(page.read_text()))


def commands(page: Path, program: str) -> Iterator[Command]:
    """The command lines of a page that call `program`: those behind a prompt, and those alone between backticks."""
    for line in _lines(page):
        found = shlex.split(line, comments=True)
        if found and found[0] == program:
            yield Command(page, tuple(found))


def _lines(page: Path) -> Iterator[str]:
    for language, block in _FENCE.findall(page.read_text()):
        if language in ("console", "bash"):
            joined = block.replace("\\\n", " ")
            yield from (line.strip().removeprefix("$ ") for line in joined.splitlines())
    yield from re.findall(r"`((?:sglang-hyperpod|kubectl|pulumi) [^`]+)`", prose(page).replace("\n", " "))


def preventing(page: Path) -> list[str]:
    """The settings that a runbook names under its last heading."""
    _, _, section = page.read_text().partition("## Settings that prevent it\n")
    return re.findall(r"^- `([^`]+)`", section, re.MULTILINE)
