"""The alerts of the played stack's plan, in fast motion, and who fires when."""

from __future__ import annotations

import time
from typing import Any

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Feature
from components.monitoring.alerts.objectives import Objectives
from components.monitoring.alerts.plan import Watched, WatchedGroup, WatchedModel, plan_alerts
from components.monitoring.alerts.settings import AlertSettings
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE
from tests.behaviour.server import Prometheus
from tests.behaviour.shorten import shorten
from tests.behaviour.world.layout import MODELS, PODS

SETTLED_SECONDS = 25
"""Longer than most alerts wait in fast motion."""


def rules() -> list[dict[str, Any]]:
    """The rules for the played stack, in fast motion."""
    promised = Objectives(time_to_first_token=5, inter_token=0.1, latency=0.95, availability=0.99)
    models = tuple(
        WatchedModel(
            name=model,
            engine_version="0.5.17",
            groups=tuple(
                WatchedGroup(lws=lws, role=role, pool="large", start_seconds=3600, efa=role != "serve")
                for lws, role in sorted({(pod.lws, pod.role) for pod in PODS if pod.model == model})
            ),
            startup_seconds=3600,
            routed=True,
            objectives=promised,
        )
        for model in MODELS
    )
    watched = Watched(
        exporters=frozenset(Exporter),
        features=frozenset(Feature),
        models=models,
        engines=NAMESPACE,
        routers=ROUTER_NAMESPACE,
    )
    plan = plan_alerts(AlertSettings(), watched)
    return shorten([group for one in plan.objects for group in one.groups])


def firing(server: Prometheus) -> set[str]:
    """The alerts that fire and that somebody would be told of."""
    return {
        alert["labels"]["alertname"]
        for alert in server.alerts()
        if alert["state"] == "firing" and alert["labels"]["severity"] in ("critical", "warning")
    }


def wait_for_leaders(server: Prometheus, seconds: float = 30) -> None:
    """Wait until Prometheus has scraped a leader of each model, and knows from the plan whose it is."""
    deadline = time.monotonic() + seconds
    asked = 'max by (model) (up{rank="0"} == 1) and on (model) sglang_hyperpod:group_info'
    while len(server.query(asked)) < len(MODELS):
        assert time.monotonic() < deadline, "no leader is scraped"
        time.sleep(0.2)
