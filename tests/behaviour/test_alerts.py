"""The alerts of a plan on a played stack: silent under load, firing in the outage, clear after it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.alerting import SETTLED_SECONDS, firing, rules, wait_for_leaders
from tests.behaviour.exporter import exporting
from tests.behaviour.server import prometheus
from tests.behaviour.world import LOAD, OUTAGE, RECOVERY, World

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
