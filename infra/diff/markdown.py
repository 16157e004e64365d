"""A comparison as Markdown, for a pull request's comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.diff.compare import Comparison
from infra.diff.sections import NO_CHANGES, Section, headline, sections


def comparison_markdown(comparison: Comparison, base: str) -> str:
    """The comparison with the revision `base`."""
    return "\n".join(_lines(comparison, base)) + "\n"


def failed_markdown(stack: str, reason: str) -> str:
    """What stands above the preview of the head where the base has none."""
    return f"## Changes of `{stack}`\n\n**The base cannot be compared**: {escaped(reason)}. The head alone:\n\n"


def picture_markdown(mermaid: str) -> str:
    """The picture of the head; GitHub draws Mermaid itself."""
    return f"\n<details><summary>Picture</summary>\n\n```mermaid\n{mermaid.strip()}\n```\n\n</details>\n"


def _lines(comparison: Comparison, base: str) -> Iterator[str]:
    yield f"## Changes of `{comparison.stack}` against `{base}`"
    yield ""
    found = list(sections(comparison))
    for section in (section for section in found if section.urgent):
        yield f"**{escaped(section.title)}**"
        yield ""
        yield from (f"- **{escaped(line)}**" for line in section.lines)
        yield ""
    yield f"{escaped(headline(comparison))}." if not comparison.nothing else NO_CHANGES
    for section in (section for section in found if not section.urgent):
        yield ""
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    if section.folded:
        yield f"<details><summary>{escaped(section.title)}</summary>"
    else:
        yield f"### {escaped(section.title)}"
    yield ""
    for line in section.lines:
        yield f"- {escaped(line)}"
        if detail := section.details.get(line):
            yield from ("", "  ```diff", *(f"  {each.replace('```', chr(39) * 3)}" for each in detail), "  ```", "")
    if section.folded:
        yield ""
        yield "</details>"


def escaped(text: str) -> str:
    """Text as Markdown shows it as it is: values may hold anything, and a comment notifies whom it names."""
    text = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text.replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
