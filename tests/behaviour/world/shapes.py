"""Which series the exporters really have: a played one with another name, kind or label is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from components.facts.engines import engine
from tests.behaviour.world.target import Check

RECORDED = Path(__file__).parents[1] / "recorded"
DCGM = Path(__file__).parents[2] / "contract" / "data" / "dcgm-metrics.txt"
DCGM_LABELS = frozenset(
    {"gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname", "container", "namespace", "pod"}
)
"""Labels that dcgm-exporter gives each series of a GPU that a pod holds."""

_SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$")
_LABEL = re.compile(r'(\w+)="')


class UnknownSeriesError(AssertionError):
    """No exporter has such a series."""


Shape = tuple[str, frozenset[str]]
"""Kind and names of the labels."""


def engine_check(version: str) -> Check:
    """Series of an SGLang release, from the facts; `dp_rank` is there only with data parallelism."""
    shapes = {
        metric.name: (metric.kind, frozenset(metric.labels) - {"dp_rank"})
        for metric in engine(version).metrics.values()
    }
    return _check(shapes, f"SGLang {version}", optional=frozenset({"dp_rank"}))


def other_check() -> Check:
    """Series of the other exporters, from `recorded/series.txt`."""
    return _check(other_shapes(), "recorded/series.txt")


def router_check() -> Check:
    """Series of the router, from what a real one answered through load and the loss of its workers."""
    return _check(router_shapes(), "recorded/router-0.3.2.txt")


def dcgm_check() -> Check:
    """Series that the GPU operator has the DCGM exporter collect; their kind is not in the list."""

    def check(name: str, kind: str, labels: frozenset[str]) -> None:
        if name not in dcgm_names() or labels != DCGM_LABELS:
            raise UnknownSeriesError(f"the DCGM exporter has no {kind} {name} with labels {sorted(labels)}")

    return check


@cache
def dcgm_names() -> frozenset[str]:
    """Names that the DCGM exporter exports by default."""
    return frozenset(line for line in DCGM.read_text().splitlines() if not line.startswith("#"))


@cache
def other_shapes() -> Mapping[str, Shape]:
    """The table of `recorded/series.txt`."""
    lines = (RECORDED / "series.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: (kind, frozenset(labels)) for name, kind, *labels in rows}


@cache
def router_shapes() -> Mapping[str, Shape]:
    """Families of the recorded router."""
    shapes: dict[str, Shape] = {}
    family = kind = ""
    for line in (RECORDED / "router-0.3.2.txt").read_text().splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split()
        elif match := _SERIES.match(line):
            labels = frozenset(_LABEL.findall(match[2] or "")) - {"le", "quantile"}
            shapes[family] = (kind, labels)
    return shapes


@cache
def router_buckets(family: str) -> Sequence[float]:
    """Bounds of a recorded histogram of the router, without the infinite one."""
    text = (RECORDED / "router-0.3.2.txt").read_text()
    found = re.findall(rf'^{family}_bucket\{{.*le="([^"+]+)"', text, re.MULTILINE)
    return sorted({float(bound) for bound in found})


@cache
def engine_buckets() -> Mapping[str, Sequence[float]]:
    """Default bounds of the engine's histograms (sglang 0.5.17, srt/observability/metrics_collector.py)."""
    return dict(json.loads((RECORDED / "engine-buckets-0.5.17.json").read_text()))


def _check(shapes: Mapping[str, Shape], source: str, optional: frozenset[str] = frozenset()) -> Check:
    def check(name: str, kind: str, labels: frozenset[str]) -> None:
        if name not in shapes:
            raise UnknownSeriesError(f"{source} has no {name}")
        if shapes[name] != (kind, labels - optional):
            wanted, names = shapes[name]
            raise UnknownSeriesError(f"{source}: {name} is a {wanted} with labels {sorted(names)}, not {kind} {labels}")

    return check
