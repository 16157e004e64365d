"""PromQL as Prometheus's own parser reads it: the tree of `/api/v1/parse_query`, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]
LabelsOf = Callable[[str], frozenset[str]]
"""Labels of a series name; raises where nothing exports it."""
COUNTING = frozenset({"rate", "irate", "increase"})


@dataclass(frozen=True, slots=True)
class Selector:
    """A series that is asked for, the labels by which it is chosen, and the function that it is in."""

    name: str
    labels: frozenset[str]
    function: str


def selectors(node: Node, function: str = "") -> Iterator[Selector]:
    """Every series that an expression asks for."""
    kind = node.get("type")
    if kind in ("vectorSelector", "matrixSelector"):
        matched = frozenset(matcher["name"] for matcher in node["matchers"]) - {"__name__"}
        yield Selector(node["name"], matched, function)
    if kind == "call":
        function = node["func"]["name"]
    for child in _children(node):
        yield from selectors(child, function)


def labels_of(node: Node, known: LabelsOf) -> frozenset[str]:
    """The labels that an expression's result may have. AssertionError where it groups or joins by one that is not."""
    match node["type"]:
        case "vectorSelector" | "matrixSelector":
            return known(node["name"])
        case "numberLiteral" | "stringLiteral":
            return frozenset()
        case "aggregation":
            inner, grouping = labels_of(node["expr"], known), frozenset(node["grouping"])
            assert grouping <= inner, f"groups by {sorted(grouping - inner)}, which its series have not"
            return inner - grouping if node["without"] else grouping
        case "call":
            return _call(node, known)
        case "binaryExpr":
            return _binary(node, known)
        case _:
            return labels_of(node["expr"], known)


def _call(node: Node, known: LabelsOf) -> frozenset[str]:
    labels = frozenset[str]().union(*(labels_of(argument, known) for argument in node["args"]))
    match node["func"]["name"]:
        case "label_replace":
            source, made = node["args"][3]["val"], node["args"][1]["val"]
            assert source in labels | {""}, f"label_replace reads {source}, which its series have not"
            return labels | {made}
        case "histogram_quantile":
            assert "le" in labels, "histogram_quantile needs the label le"
            return labels - {"le"}
        case _:
            return labels


def _binary(node: Node, known: LabelsOf) -> frozenset[str]:
    left, right = labels_of(node["lhs"], known), labels_of(node["rhs"], known)
    matching = node["matching"]
    if node["op"] == "or":
        return left | right
    if not matching or not matching["on"]:
        return left or right
    on = frozenset(matching["labels"])
    assert on <= left & right, f"joins on {sorted(on - (left & right))}, which one side has not"
    if matching["card"] == "many-to-one":
        return left | frozenset(matching["include"])
    return left if matching["card"] == "many-to-many" else on


def _children(node: Node) -> Iterator[Node]:
    for key in ("expr", "lhs", "rhs", "param"):
        if isinstance(node.get(key), Mapping):
            yield node[key]
    yield from (argument for argument in node.get("args", ()) if isinstance(argument, Mapping))
