"""A real Prometheus that parses expressions, and what can be read from what it parsed."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

START_SECONDS = 60

Tree = dict[str, Any]


@contextmanager
def running(program: Path, folder: Path) -> Generator[Callable[[str], Tree]]:
    """A Prometheus that scrapes nothing; yields its parser (the API that its own query page explains queries with)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "prometheus.yaml"
    config.write_text("{}")
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    try:
        _wait(address)
        yield lambda expression: _parse(address, expression)
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str) -> None:
    for _ in range(START_SECONDS * 10):
        try:
            with urlopen(f"http://{address}/-/ready", timeout=5):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError("Prometheus does not start")


def _parse(address: str, expression: str) -> Tree:
    with urlopen(f"http://{address}/api/v1/parse_query?{urlencode({'query': expression})}", timeout=30) as answer:
        tree: Tree = json.load(answer)["data"]
        return tree


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
        if name in ("histogram_quantile", "histogram_fraction"):
            self._expect(["le"], labels, f"{name} needs")
            return labels - {"le"}
        return frozenset() if name in ("absent", "vector", "time") else labels

    def _expect(self, wanted: list[str], there: frozenset[str], what: str) -> None:
        self.faults += [f"{what} {label}, which is not there" for label in wanted if label not in there]
