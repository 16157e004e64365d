"""Rules of a model's objectives: what cannot be measured, or cannot be missed in time to act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from components.rules import Finding
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_BUCKETS: Final = {
    "timeToFirstTokenSeconds": ("bucket-time-to-first-token", (0.1, 400.0)),
    "interTokenSeconds": ("bucket-inter-token-latency", (0.002, 8.0)),
}
"""The flag that sets a histogram's buckets, and the smallest and the largest of those that it has by default (sglang
0.5.8 to 0.5.23 metrics_collector.py, TokenizerMetricsCollector)."""

FASTEST_BURN: Final = 14.4
"""Times the even rate at which a budget burns when someone is woken: 2 % of 30 days in an hour (The Site Reliability
Workbook, chapter 5)."""


@rules.rule("objectives.buckets", source="sglang metrics_collector.py: buckets of the latency histograms")
def objectives_lie_within_the_buckets(model: ModelSettings) -> Iterator[Finding]:
    """A time is between the smallest and the largest bucket of the histogram that measures it."""
    objectives = model.objectives
    values = objectives.model_dump(by_alias=True)
    for field, (flag, default) in _BUCKETS.items() if objectives.enabled else ():
        low, high = _range(model.arguments.get(flag, model.arguments.get(f"--{flag}")), default)
        if not low <= values[field] <= high:
            yield Finding(
                f"objectives.{field}",
                f"{values[field]:g} s is outside the histogram's buckets, {low:g} to {high:g} s: it cannot be measured",
                f"use {low:g} to {high:g}, or set arguments {flag}",
            )


def _range(given: Any, default: tuple[float, float]) -> tuple[float, float]:
    """The smallest and the largest bucket; a flag that cannot be read is another rule's business."""
    values = given.split() if isinstance(given, str) else given if isinstance(given, (list, tuple)) else [given]
    try:
        numbers = [float(value) for value in values if value is not None]
    except (TypeError, ValueError):
        return default
    return (min(numbers), max(numbers)) if numbers else default


@rules.rule("objectives.budget", source="The Site Reliability Workbook, chapter 5: alerting on burn rates")
def objectives_leave_a_budget_that_can_burn(model: ModelSettings) -> Iterator[Finding]:
    """A share below 1 leaves a budget, and one small enough that an alert can still come in time."""
    shares = {"latencyRatio": model.objectives.latency_ratio, "availability": model.objectives.availability}
    for field, share in shares.items() if model.objectives.enabled else ():
        path = f"objectives.{field}"
        if share >= 1:
            yield Finding(path, "1.0 leaves no budget: one miss breaks it, and no burn rate is defined", "use 0.999")
        elif FASTEST_BURN * (1 - share) >= 1:
            yield Finding(
                path,
                f"{share:g} leaves so much that {FASTEST_BURN * (1 - share):.0%} of the requests would have to miss "
                "before anyone is woken",
                "use 0.94 or more",
            )
