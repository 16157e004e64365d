"""The alerts of a plan on a played stack: silent under load, firing in the outage, clear after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.behaviour.alerting import groups, rules, wait_for_leaders
from tests.behaviour.course import Course, course
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


TOLD = 'alertstate="firing",severity=~"critical|warning"'
"""Of alerts that fire and that somebody would be told of."""
NAMED = f'{TOLD},alertname=~"{"|".join(OUTAGE_ALERTS)}"'


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return course(groups(), tmp_path_factory.mktemp("course"))


def test_nobody_is_told_of_anything_under_load(played: Course) -> None:
    end = played.ends["load"]
    assert played.differs(end, f"group by (alertname) (max_over_time(ALERTS{{{TOLD}}}[{end}s:30s]))", []) == ""


def test_the_outage_is_told(played: Course) -> None:
    begin, end = played.ends["load"], played.ends["outage"]
    ever = f"max_over_time(ALERTS{{{NAMED}}}[{end - begin}s:30s])"
    assert played.differs(end, f"group by (alertname) ({ever})", OUTAGE_ALERTS) == ""


def test_nothing_of_it_is_left_after_the_recovery(played: Course) -> None:
    assert played.differs(played.ends["recovery"], f"group by (alertname) (ALERTS{{{NAMED}}})", []) == ""


def test_alerts_fire_in_the_outage_and_clear_after_it(tmp_path: Path) -> None:
    with (
        exporting(World()) as exporter,
        prometheus(tmp_path, rules=rules(), discovery=exporter.discovery, interval="2s") as server,
    ):
        exporter.play(LOAD)
        wait_for_leaders(server)
        server.wait_for_alert("Watchdog")
        exporter.play(OUTAGE)
        (lost,) = server.wait('ALERTS{alertname="NodeLost",alertstate="firing",model!=""}')
        assert lost.labels["model"] == "deepseek-r1"
        for name in OUTAGE_ALERTS:
            alert = server.wait_for_alert(name)
            assert alert is not None
            assert "{{" not in str(alert["annotations"])
            assert "<no value>" not in str(alert["annotations"])
        exporter.play(RECOVERY)
        for name in OUTAGE_ALERTS:
            assert server.wait_for_alert(name, state=None) is None


def test_a_model_that_stops_answering_is_told_and_one_that_is_back_is_not(tmp_path: Path) -> None:
    told = ("ModelNotServing", "TargetLost", "ImagePullFailing")
    with (
        exporting(World()) as exporter,
        prometheus(tmp_path, rules=rules(), discovery=exporter.discovery, interval="2s") as server,
    ):
        exporter.play(LOAD)
        wait_for_leaders(server)
        exporter.play(replace(LOAD, scraped=False, image_missing=True))
        assert [server.wait_for_alert(name) is not None for name in told] == [True] * len(told)
        exporter.play(LOAD)
        assert [server.wait_for_alert(name, state=None) for name in told] == [None] * len(told)
