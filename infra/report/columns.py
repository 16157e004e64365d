"""Laying a table out in columns of plain text. rich's own tables took a fifth of a preview's time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from infra.report.tables import Table

GAP = "  "
NARROWEST = 12
"""Characters below which no column is squeezed."""


def laid_out(table: Table, width: int) -> Iterator[str]:
    """The head and the rows of a table, in lines of at most `width` characters as far as the columns allow it."""
    widths = _widths(table, width)
    yield _line(table, widths, table.columns)
    for row in table.rows:
        cells = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
        for number in range(max(len(cell) for cell in cells)):
            yield _line(table, widths, [cell[number] if number < len(cell) else "" for cell in cells])


def _wrapped(cell: str, width: int) -> list[str]:
    return [cell] if len(cell) <= width else textwrap.wrap(cell, width, break_on_hyphens=False)


def _widths(table: Table, width: int) -> list[int]:
    """Each column as wide as its widest cell; what is too much is taken from the widest columns."""
    rows = (table.columns, *table.rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    room = width - len(GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(table: Table, widths: Sequence[int], cells: Sequence[str]) -> str:
    aligned = (
        cell.rjust(size) if table.right(column) else cell.ljust(size)
        for column, cell, size in zip(table.columns, cells, widths, strict=True)
    )
    return GAP.join(aligned).rstrip()
