"""The real Alertmanager with the rendered configuration: who is told of what, and what is held back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.alertmanager import _FOLLOW_A_NODE, config
from components.monitoring.alerts.catalogue import EVERY
from components.monitoring.receivers import AlertmanagerSettings
from tests.contract.alerts.sinks import Alertmanager, running
from tests.tools import find

SETTINGS = AlertmanagerSettings.model_validate(
    {
        "receivers": [
            {"name": "pager", "severities": ["critical"], "pagerDuty": {"routingKeySecret": "pagerKey"}},
            {"name": "chat", "slack": {"urlSecret": "slackUrl", "channel": "#inference"}},
            {"name": "topic", "sns": {"topicArn": "arn:aws:sns:eu-west-1:123456789012:alerts"}},
        ],
        "heartbeat": {"urlSecret": "heartbeatUrl"},
    }
)
PAGES, CHAT, TOPIC, BEAT = "/pagerduty", "/chat", "/sns", "/heartbeat"
SETTLED_SECONDS = 4


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    program = find("alertmanager")
    if program is None:
        pytest.skip("alertmanager is not built (`make tools`)")
    with running(program, tmp_path, SETTINGS) as started:
        yield started


def alert(name: str, **labels: str) -> dict[str, str]:
    """An alert of the catalogue as Prometheus would send it."""
    known = {one.name: one for one in EVERY}
    own = {"severity": str(known[name].severity), "family": str(known[name].family)} if name in known else {}
    return {"alertname": name, "namespace": "inference", **own, **labels}


def test_one_dead_node_is_one_page(alertmanager: Alertmanager) -> None:
    alertmanager.post(
        alert("NodeLost", node="n1", model="m1"),
        alert("NodeLost", node="n1", model="m2"),
        alert("GpuLost", node="n1"),
        alert("TargetLost", node="n1", pod="m1-0", model="m1"),
        alert("ModelNotServing", model="m1"),
        alert("NoHealthyWorker", model="m1"),
        alert("ErrorRateHigh", model="m2"),
        alert("PodsPendingForGpu", model="m1", lws="m1"),
        alert("KubeNodeNotReady", node="n1", severity="warning"),
    )
    (page,) = alertmanager.sinks.wait(PAGES, 1)
    time.sleep(SETTLED_SECONDS)
    assert alertmanager.sinks.at(PAGES) == [page]
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["summary"].startswith("[test] NodeLost happened")
    assert len(alertmanager.sinks.at(CHAT)) == 1


def test_another_fault_beside_a_dead_node_is_a_page_of_its_own(alertmanager: Alertmanager) -> None:
    alertmanager.post(
        alert("NodeLost", node="n1", model="m1"),
        alert("ModelNotServing", model="m3"),
        alert("GpuXidError", node="n2", gpu="0"),
    )
    pages = alertmanager.sinks.wait(PAGES, 3)
    assert {page["payload"]["summary"].split()[1] for page in pages} == {"NodeLost", "ModelNotServing", "GpuXidError"}


def test_a_node_without_models_holds_nothing_of_a_model_back(alertmanager: Alertmanager) -> None:
    alertmanager.post(alert("NodeLost", node="n9"), alert("ModelNotServing", model="m1"))
    assert len(alertmanager.sinks.wait(PAGES, 2)) == 2


def test_a_model_that_serves_nobody_needs_no_latency_alert(alertmanager: Alertmanager) -> None:
    alertmanager.post(
        alert("ModelNotServing", model="m1"),
        alert("TimeToFirstTokenHigh", model="m1"),
        alert("ObjectiveBurningFast", model="m1", objective="availability"),
        alert("TimeToFirstTokenHigh", model="m2"),
    )
    messages = alertmanager.sinks.wait(CHAT, 2)
    time.sleep(SETTLED_SECONDS)
    assert len(alertmanager.sinks.at(CHAT)) == len(messages) == 2
    assert len(alertmanager.sinks.at(PAGES)) == 1


def test_each_is_told_of_its_severities_and_of_the_end(alertmanager: Alertmanager) -> None:
    alertmanager.post(alert("QueueGrowing", model="m1"), alert("GpusIdle", model="m1"))
    (message,) = alertmanager.sinks.wait(CHAT, 1)
    (published,) = alertmanager.sinks.wait(TOPIC, 1)
    assert message["channel"] == "#inference"
    assert "QueueGrowing happened" in str(message)
    assert published["TopicArn"] == ["arn:aws:sns:eu-west-1:123456789012:alerts"]
    assert "QueueGrowing happened" in published["Message"][0]
    assert "GpusIdle" not in str(alertmanager.sinks.messages)
    alertmanager.post(alert("QueueGrowing", model="m1"), resolved=True)
    assert "resolved" in str(alertmanager.sinks.wait(CHAT, 2)[1])
    assert alertmanager.sinks.at(PAGES) == []


def test_the_watchdog_reaches_the_heartbeat_again_and_again_and_nobody_else(alertmanager: Alertmanager) -> None:
    alertmanager.post(alert("Watchdog"))
    assert len(alertmanager.sinks.wait(BEAT, 2)) >= 2
    assert {path for path, _ in alertmanager.sinks.messages} == {BEAT}


def test_what_follows_a_node_are_alerts_that_exist_and_tell_the_model() -> None:
    known: dict[str, Any] = {alert.name: alert for alert in EVERY}
    assert [name for name in _FOLLOW_A_NODE if "model" not in known[name].labels] == []


def test_alertmanager_without_receivers_takes_its_configuration(tmp_path: Path) -> None:
    program = find("alertmanager")
    if program is None:
        pytest.skip("alertmanager is not built (`make tools`)")
    with running(program, tmp_path, AlertmanagerSettings()) as quiet:
        quiet.post(alert("ModelNotServing", model="m1"))
        time.sleep(SETTLED_SECONDS)
        assert quiet.sinks.messages == []


def test_no_credential_is_in_the_configuration() -> None:
    text = str(config(SETTINGS, cluster_name="test"))
    assert [name for name in ("pagerKey", "slackUrl", "heartbeatUrl") if name in text] == []
    assert "/etc/alertmanager/secrets/alertmanager-receivers/pager" in text
