"""A comparison for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from infra.diff.compare import Comparison
from infra.diff.sections import NO_CHANGES, headline, sections


def print_comparison(console: Console, comparison: Comparison, base: str) -> None:
    """Headline and every section."""
    title = f"{comparison.stack} against {base}: {headline(comparison)}"
    console.print(f"[bold]{escape(title)}[/bold]", soft_wrap=True)
    if comparison.nothing:
        console.print(NO_CHANGES)
    for section in sections(comparison):
        style = "bold red" if section.urgent else "bold"
        console.print(f"\n[{style}]{escape(section.title)}[/{style}]", soft_wrap=True)
        for line in section.lines:
            console.print(f"  {escape(line)}", soft_wrap=True)
            for detail in section.details.get(line, ()):
                console.print(f"      {escape(detail)}", soft_wrap=True)
