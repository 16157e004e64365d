"""What a parsed expression asks of series and labels (`Prometheus.parse` of `tests.behaviour.server`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Tree = dict[str, Any]


@dataclass
class Reader:
    """Walks a parsed expression. `known` gives the labels of a series; what is asked of a series that lacks it is in
    `faults`, the names of all series in `metrics`.
    """

    known: Callable[[str], frozenset[str] | None]
    metrics: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def labels(self, tree: Tree) -> frozenset[str]:
        """The labels that the result of `tree` can have."""
        kind = tree["type"]
        if kind in ("vectorSelector", "matrixSelector"):
            return self._selector(tree)
        if kind in ("parenExpr", "unaryExpr", "subquery"):
            return self.labels(tree["expr"])
        if kind == "aggregation":
            inner = self.labels(tree["expr"])
            self._expect(tree["grouping"], inner, "groups by")
            return inner - set(tree["grouping"]) if tree["without"] else frozenset(tree["grouping"])
        if kind == "binaryExpr":
            return self._binary(tree)
        if kind == "call":
            return self._call(tree)
        return frozenset()

    def _selector(self, tree: Tree) -> frozenset[str]:
        labels = self.known(tree["name"])
        self.metrics.add(tree["name"])
        if labels is None:
            self.faults.append(f"nothing exports {tree['name']}")
            return frozenset()
        matched = [matcher["name"] for matcher in tree["matchers"] if matcher["name"] != "__name__"]
        self._expect(matched, labels, f"{tree['name']} is selected by")
        return labels

    def _binary(self, tree: Tree) -> frozenset[str]:
        left, right = self.labels(tree["lhs"]), self.labels(tree["rhs"])
        matching = tree["matching"]
        if matching is None:
            return left | right
        if tree["op"] == "or":
            return left | right
        many, one = (right, left) if matching["card"] == "one-to-many" else (left, right)
        if not matching["on"]:
            if tree["op"] not in ("and", "unless") and left != right:
                self.faults.append(f"{tree['op']} matches {sorted(left)} with {sorted(right)}")
            return many
        self._expect(matching["labels"], left & right, f"{tree['op']} matches on")
        self._expect(matching["include"], one, f"{tree['op']} includes")
        if tree["op"] in ("and", "unless") or matching["card"] != "one-to-one":
            return many | set(matching["include"])
        return frozenset(matching["labels"])

    def _call(self, tree: Tree) -> frozenset[str]:
        labels = frozenset[str]().union(*(self.labels(argument) for argument in tree["args"]))
        name = tree["func"]["name"]
        if name == "label_replace":
            made, source = tree["args"][1]["val"], tree["args"][3]["val"]
            self._expect([source] if source else [], labels, "label_replace reads")
            return labels | {made}
        if name == "label_join":
            made, *sources = (tree["args"][place]["val"] for place in (1, *range(3, len(tree["args"]))))
            self._expect(sources, labels, "label_join reads")
            return labels | {made}
        if name in ("histogram_quantile", "histogram_fraction"):
            self._expect(["le"], labels, f"{name} needs")
            return labels - {"le"}
        return frozenset() if name in ("absent", "vector", "time") else labels

    def _expect(self, wanted: list[str], there: frozenset[str], what: str) -> None:
        self.faults += [f"{what} {label}, which is not there" for label in wanted if label not in there]
