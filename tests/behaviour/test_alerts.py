"""The alerts of a plan on a played stack: silent under load, firing in the outage, clear after it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Feature
from components.monitoring.alerts.objectives import Objectives
from components.monitoring.alerts.plan import Watched, WatchedGroup, WatchedModel, plan_alerts
from components.monitoring.alerts.settings import AlertSettings
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE
from tests.behaviour.exporter import exporting
from tests.behaviour.server import Prometheus, prometheus
from tests.behaviour.shorten import shorten
from tests.behaviour.world import LOAD, OUTAGE, RECOVERY, World
from tests.behaviour.world.layout import MODELS, PODS

OUTAGE_ALERTS = (
    "NodeLost",
    "RouterCircuitOpen",
    "RouterErrorRateHigh",
    "ErrorRateHigh",
    "GpuXidError",
    "KvCacheNearlyFull",
    "RequestsRetracted",
    "InterTokenLatencyHigh",
    "ObjectiveBurningFast",
)
"""What the runbooks promise of a lost node, overrun groups and a GPU with a memory error."""

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


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    return rules()


def test_alerts_fire_in_the_outage_and_clear_after_it(groups: list[dict[str, Any]], tmp_path: Path) -> None:
    with (
        exporting(World()) as exporter,
        prometheus(tmp_path, rules=groups, discovery=exporter.discovery, interval="2s") as server,
    ):
        exporter.play(LOAD)
        wait_for_leaders(server)
        server.wait_for_alert("Watchdog")
        time.sleep(SETTLED_SECONDS)
        assert firing(server) == set()
        exporter.play(OUTAGE)
        server.wait_for_alert("NodeLost", seconds=60)
        assert {alert["labels"].get("model") for alert in server.alerts("NodeLost")} == {"deepseek-r1"}
        for name in OUTAGE_ALERTS:
            alert = server.wait_for_alert(name, seconds=90)
            assert alert is not None
            assert "{{" not in str(alert["annotations"])
            assert "<no value>" not in str(alert["annotations"])
        exporter.play(RECOVERY)
        for name in OUTAGE_ALERTS:
            server.wait_for_alert(name, state=None, seconds=90)


def test_a_model_that_stops_answering_is_told_and_one_that_is_back_is_not(
    groups: list[dict[str, Any]], tmp_path: Path
) -> None:
    with (
        exporting(World()) as exporter,
        prometheus(tmp_path, rules=groups, discovery=exporter.discovery, interval="2s") as server,
    ):
        exporter.play(LOAD)
        wait_for_leaders(server)
        exporter.play(replace(LOAD, scraped=False, image_missing=True))
        for name in ("ModelNotServing", "TargetLost", "ImagePullFailing"):
            server.wait_for_alert(name, seconds=60)
        exporter.play(LOAD)
        for name in ("ModelNotServing", "TargetLost", "ImagePullFailing"):
            server.wait_for_alert(name, state=None, seconds=60)
