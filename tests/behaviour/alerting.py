"""The alerts of the played stack's plan, in fast motion, and who fires when."""

from __future__ import annotations

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


def groups() -> list[dict[str, Any]]:
    """The rules for the played stack."""
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
    return [dict(group) for one in plan.objects for group in one.groups]


def rules() -> list[dict[str, Any]]:
    """The same in fast motion, and in one group: Prometheus judges all of them at one moment. The moments of two groups
    are up to an interval apart, which is two minutes in fast motion.
    """
    return [{"name": "played", "rules": [rule for group in shorten(groups()) for rule in group["rules"]]}]


def firing(server: Prometheus) -> set[str]:
    """The alerts that fire and that somebody would be told of."""
    return {
        alert["labels"]["alertname"]
        for alert in server.alerts()
        if alert["state"] == "firing" and alert["labels"]["severity"] in ("critical", "warning")
    }


def wait_for_leaders(server: Prometheus) -> None:
    """Wait until Prometheus has scraped a leader of each model, and knows from the plan whose it is."""
    asked = 'max by (model) (up{rank="0"} == 1) and on (model) sglang_hyperpod:group_info'
    server.wait(asked, lambda leaders: len(leaders) == len(MODELS))
