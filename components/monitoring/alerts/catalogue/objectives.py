"""Burn of the error budgets: made for each model and objective, with its budget."""

from __future__ import annotations

from typing import Final

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Severity

WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Over what misses are recorded; the longest asks for that much retention."""


def misses(window: str) -> str:
    """The recorded share of misses over a window."""
    return f"sglang_hyperpod:objective_misses:ratio_rate{window}"


def _burns(*pairs: tuple[str, str, float]) -> str:
    """Over a long window and, so that it ends soon after the trouble does, over a short one."""
    chosen = '{model="<model>",objective="<objective>"}'
    return " or ".join(
        f"({misses(long)}{chosen} > {factor:g} * <budget> and {misses(short)}{chosen} > {factor:g} * <budget>)"
        for long, short, factor in pairs
    )


ALERTS: Final = tuple(
    Alert(
        name=name,
        family=Family.OBJECTIVES,
        severity=severity,
        exporters=(Exporter.PLAN,),
        metrics=tuple(misses(window) for long, short, _ in pairs for window in (long, short)),
        labels=("model", "objective"),
        expression=_burns(*pairs),
        minutes=minutes,
        summary="{{ $labels.model }} misses its {{ $labels.objective }} objective in {{ $value | humanizePercentage }}",
        description=description,
        dashboard="sglang-overview",
        source="The Site Reliability Workbook, chapter 5: multiwindow, multi-burn-rate alerts",
    )
    for name, severity, minutes, pairs, description in (
        (
            "ObjectiveBurningFast",
            Severity.CRITICAL,
            2,
            (("1h", "5m", 14.4), ("6h", "30m", 6.0)),
            "At this rate 2 % of the budget of 30 days are gone within an hour, or 5 % within six.",
        ),
        (
            "ObjectiveBurningSlowly",
            Severity.WARNING,
            15,
            (("1d", "2h", 3.0), ("3d", "6h", 1.0)),
            "At this rate the budget of 30 days is gone before they are over.",
        ),
    )
)
"""The two alerts of every objective."""
