"""Values of two previews, compared."""

from __future__ import annotations

import pytest

from infra.diff.values import changes, with_same_origins


def unknown(source: str) -> dict[str, str]:
    return {"$unknown": source}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("nodes.id", "nodes, nodes-from-nodes, nodes-to-nodes", False),
        ("nodes, nodes-from-nodes", "nodes.id", False),
        ("nodes-use1-az4.id", "nodes-use1-az6.id", True),
    ],
)
def test_an_unknown_changes_where_it_comes_from_something_else(before: str, after: str, changed: bool) -> None:
    old, new = {"groups": [unknown(before)]}, {"groups": [unknown(after)]}
    assert bool(list(changes(with_same_origins(old, new), new))) is changed


def test_a_long_text_shows_the_lines_that_differ() -> None:
    before = {"data": {"run.sh": "one\ntwo\nthree\nfour\n"}}
    (change,) = changes(before, {"data": {"run.sh": "one\nTWO\nthree\nfour\n"}})
    assert str(change) == "data.run.sh: text of 5 lines -> text of 5 lines"
    assert change.lines == ("@@ -1,3 +1,3 @@", " one", "-two", "+TWO", " three")


def test_of_a_text_that_differs_everywhere_the_first_lines_are_shown() -> None:
    old, new = ("\n".join(f"{word} {number}" for number in range(50)) for word in ("old", "new"))
    (change,) = changes(old, new, "data")
    assert len(change.lines) == 17
    assert change.lines[-1] == "... and 85 more"
    (wide,) = changes("a\n" + "x" * 500, "b\n" + "x" * 500, "data")
    assert max(map(len, wide.lines)) <= 110


def test_a_secret_s_text_is_never_shown() -> None:
    (change,) = changes({"key": {"$secret": True}}, {"key": "plain\ntext"})
    assert change.lines == ()
    (other,) = changes({"key": "a\nb"}, {"key": {"$unknown": "file.text"}})
    assert other.lines == ()
