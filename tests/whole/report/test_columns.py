"""Tables as plain text: aligned, wrapped, nothing lost."""

from __future__ import annotations

from infra.report.columns import laid_out
from infra.report.tables import Table


def table(*rows: tuple[str, str]) -> Table:
    return Table("Title", ("resource", "count"), rows)


def test_text_stands_left_and_numbers_right() -> None:
    assert list(laid_out(table(("vpc", "1"), ("subnet", "12")), 80)) == [
        "resource  count",
        "vpc           1",
        "subnet       12",
    ]


def test_a_cell_too_wide_is_wrapped_at_words() -> None:
    assert list(laid_out(table(("one two three four", "1")), 20)) == [
        "resource       count",
        "one two three      1",
        "four",
    ]


def test_nothing_is_lost_where_there_is_no_room() -> None:
    lines = list(laid_out(table(("a" * 40, "1")), 10))
    assert sum(line.count("a") for line in lines) == 40


def test_an_empty_cell_keeps_its_row() -> None:
    assert list(laid_out(table(("", "")), 80)) == ["resource  count", ""]


def test_lines_do_not_end_in_blanks() -> None:
    assert all(line == line.rstrip() for line in laid_out(table(("vpc", ""), ("a", "1")), 80))
