"""The preview as Markdown, short enough for a pull request's comment: long sections are folded."""

from __future__ import annotations

from collections.abc import Iterator

from infra.report.model import Preview
from infra.report.problems import summary
from infra.report.tables import Table, tables_of
from infra.report.text import headline, support

_OPEN = frozenset({"Node pools", "Models", "Scaling", "Cost"})
"""Sections that a reviewer sees without a click."""


def preview_markdown(preview: Preview) -> str:
    """The whole comment."""
    return "\n".join(_lines(preview)) + "\n"


def _lines(preview: Preview) -> Iterator[str]:
    yield f"## Preview of `{preview.title}`"
    yield ""
    yield _escaped(headline(preview)) + "."
    for line in support(preview):
        yield _escaped(line) + "."
    yield ""
    yield f"**Settings**: {summary(preview.problems)}"
    for problem in preview.problems:
        text = f"{_escaped(problem.message)}; {_escaped(problem.fix)}"
        yield f"- {problem.severity} `{problem.path}`: {text} (`{problem.rule}`)"
    for table in tables_of(preview):
        yield ""
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    folded = table.title not in _OPEN
    if folded:
        yield f"<details><summary>{table.title}</summary>"
    else:
        yield f"### {table.title}"
    yield ""
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'|'.join(' ---: ' if table.right(column) else ' --- ' for column in table.columns)}|"
    for row in table.rows:
        yield f"| {' | '.join(_escaped(cell) for cell in row)} |"
    yield ""
    for remark in table.remarks:
        yield f"- `{remark}`" if remark.startswith("aws ") else _escaped(remark)
    if folded:
        yield ""
        yield "</details>"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
