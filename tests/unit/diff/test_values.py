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
