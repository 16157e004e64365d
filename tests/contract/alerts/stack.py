"""A stack with everything in it that some alert is about."""

from __future__ import annotations

from datetime import UTC, datetime

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Feature
from components.monitoring.alerts.objectives import Objectives
from components.monitoring.alerts.plan import (
    AlertsPlan,
    EndingCapacity,
    Watched,
    WatchedGroup,
    WatchedModel,
    plan_alerts,
)
from components.monitoring.alerts.settings import AlertSettings

START_SECONDS = 1800
"""Planned start of the model's groups."""
STARTUP_SECONDS = 1200
"""What its startup probe allows."""


def model(version: str = "0.5.17", name: str = "m1", *, routed: bool = True, sleeps: bool = False) -> WatchedModel:
    """A model of one group of two pods over EFA; one that `sleeps` may have none."""
    promised = Objectives(time_to_first_token=5, inter_token=0.1, latency=0.95, availability=0.99)
    group = WatchedGroup(lws=name, role="serve", pool="p5", start_seconds=START_SECONDS, efa=True)
    return WatchedModel(
        name=name,
        engine_version=version,
        groups=(group,),
        routed=routed,
        sleeps=sleeps,
        store=True,
        startup_seconds=STARTUP_SECONDS,
        objectives=promised,
    )


def watched(*models: WatchedModel, hours: float = 10_000) -> Watched:
    """Every exporter and every feature. The pool's capacity ends in `hours` by promtool's clock (it begins in 1970)."""
    ends = datetime.fromtimestamp(hours * 3600, tz=UTC)
    return Watched(
        exporters=frozenset(Exporter),
        features=frozenset(Feature),
        models=models or (model(),),
        engines="inference",
        routers="routers",
        ending=(EndingCapacity("p5", "capacityBlock", ends),),
    )


def planned(*models: WatchedModel, settings: AlertSettings | None = None, hours: float = 10_000) -> AlertsPlan:
    """The rules of that stack."""
    return plan_alerts(settings or AlertSettings(), watched(*models, hours=hours))
