"""What an expression asks for, from the tree that Prometheus's own parser makes of it (`/api/v1/parse_query`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]
COUNTING = frozenset({"rate", "irate", "increase"})
"""Functions that mean something of what only grows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A series that is asked for, and the function that it is in."""

    name: str
    function: str


def series(node: Node, function: str = "") -> Iterator[Asked]:
    """Every series that an expression asks for."""
    if node.get("type") in ("vectorSelector", "matrixSelector"):
        yield Asked(node["name"], function)
    if node.get("type") == "call":
        function = node["func"]["name"]
    for child in _children(node):
        yield from series(child, function)


def _children(node: Node) -> Iterator[Node]:
    for key in ("expr", "lhs", "rhs", "param"):
        if isinstance(node.get(key), Mapping):
            yield node[key]
    yield from (argument for argument in node.get("args", ()) if isinstance(argument, Mapping))
