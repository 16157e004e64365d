"""What the exporters of a stack export: names, kinds, and labels as Prometheus stores them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from components.facts.engines import SUPPORTED, engine
from components.monitoring.monitors import EngineTarget
from tests.behaviour.world import OUTAGE, World
from tests.behaviour.world.shapes import dcgm_names, other_shapes, router_shapes

TARGET_LABELS = frozenset({"namespace", "pod", "container", "endpoint", "instance", "job"}) | {
    rule["targetLabel"]
    for endpoint in EngineTarget("a", "b", "c", "d").pod_monitor(interval_seconds=15)["podMetricsEndpoints"]
    for rule in endpoint["relabelings"]
}
"""Labels of every series of an engine, whatever the engine itself says."""


def labels(name: str) -> frozenset[str] | None:
    """Labels of a series in any supported release; None where nothing exports it."""
    return _engine_labels(name) if name.startswith("sglang:") else _played().get(name)


def counts(name: str) -> bool:
    """Whether a series only grows, so that a rate of it means something. DCGM tells no kinds: those of energy, bytes,
    errors in total and replays grow."""
    if name in dcgm_names():
        return name.endswith(("_TOTAL", "_CONSUMPTION", "_COUNTER"))
    family = name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
    kinds = {shape[0] for shape in (_others().get(name), _others().get(family)) if shape}
    return bool(kinds & {"counter", "histogram", "summary"})


def _engine_labels(name: str) -> frozenset[str] | None:
    found = [metric for version in SUPPORTED for metric in engine(version).metrics.values() if name in metric.series]
    if not found:
        return None
    own = frozenset(label for metric in found for label in metric.labels)
    return own | TARGET_LABELS | ({"le"} if name.endswith("_bucket") else frozenset())


@cache
def _others() -> dict[str, tuple[str, frozenset[str]]]:
    engines = {
        metric.name: (metric.kind, frozenset(metric.labels))
        for version in SUPPORTED
        for metric in engine(version).metrics.values()
    }
    return {**engines, **router_shapes(), **other_shapes()}


@cache
def _played() -> dict[str, frozenset[str]]:
    """Labels by series of the played stack, which only plays what real exporters have (`tests.behaviour.world`)."""
    world = World()
    world.conditions = replace(OUTAGE, image_missing=True)
    world.step(30)
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    for target in world.targets:
        found["up"] |= frozenset(target.labels)
        for name, labels in target.series():
            found[name] = found.get(name, frozenset()) | labels
    return found
