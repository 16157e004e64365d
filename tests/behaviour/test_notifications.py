"""From a metric to a page: the real Prometheus with the plan's rules, the real Alertmanager with the rendered
configuration, and on loopback those whom it tells.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.receivers import AlertmanagerSettings
from components.monitoring.settings import MonitoringSettings
from components.monitoring.values import values
from tests import tools
from tests.behaviour.alerting import SETTLED_SECONDS, firing, rules, wait_for_leaders
from tests.behaviour.exporter import Exporter, exporting
from tests.behaviour.server import PATIENCE, Prometheus, prometheus
from tests.behaviour.world import LOAD, RECOVERY, World
from tests.contract.alerts.sinks import Sinks, running

SETTINGS = AlertmanagerSettings.model_validate(
    {
        "receivers": [
            {"name": "pager", "severities": ["critical"], "pagerDuty": {"routingKeySecret": "pagerKey"}},
            {"name": "chat", "slack": {"urlSecret": "slackUrl", "channel": "#inference"}},
        ],
        "heartbeat": {"urlSecret": "heartbeatUrl"},
    }
)
PAGES, CHAT, BEAT = "/pagerduty", "/chat", "/heartbeat"
LOST_NODE = "ip-10-0-2-17.ec2.internal"


@dataclass(frozen=True, slots=True)
class Chain:
    """A played stack, the Prometheus that scrapes it, and what arrives at those who are told."""

    exporter: Exporter
    prometheus: Prometheus
    sinks: Sinks


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    program = tools.find("alertmanager")
    if program is None:
        pytest.skip("behaviour tier: `make tools` has not made alertmanager")
    for name in ("alertmanager", "prometheus"):
        (tmp_path / name).mkdir()
    with (
        running(program, tmp_path / "alertmanager", SETTINGS) as manager,
        exporting(World()) as exporter,
        prometheus(
            tmp_path / "prometheus",
            rules=rules(),
            discovery=exporter.discovery,
            alertmanager=manager.address.removeprefix("http://"),
            labels=external_labels(),
            interval="2s",
        ) as server,
    ):
        exporter.play(LOAD)
        wait_for_leaders(server)
        yield Chain(exporter, server, manager.sinks)


def external_labels() -> dict[str, str]:
    """What the chart's values have Prometheus say of itself."""
    rendered = values(
        MonitoringSettings(),
        cluster_name="test",
        storage_class="gp3",
        node_selector={},
        keep_volumes=False,
        admin_secret=True,
        trace_source=None,
    )
    labels: dict[str, str] = rendered["prometheus"]["prometheusSpec"]["externalLabels"]
    return labels


def test_a_dead_node_is_one_page_and_its_end_is_told(chain: Chain) -> None:
    chain.sinks.wait(BEAT, 1, seconds=PATIENCE)
    time.sleep(SETTLED_SECONDS)
    assert chain.sinks.at(PAGES) + chain.sinks.at(CHAT) == []

    chain.exporter.play(replace(LOAD, node_lost=True))
    (page,) = chain.sinks.wait(PAGES, 1, seconds=PATIENCE)
    time.sleep(SETTLED_SECONDS)
    assert firing(chain.prometheus) >= {"NodeLost", "GroupStartOverdue", "RouterCircuitOpen"}
    assert chain.sinks.at(PAGES) == [page]
    assert page["event_action"] == "trigger"
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["summary"] == f"[test] Node {LOST_NODE} is not ready, which serves deepseek-r1"
    told = page["payload"]["custom_details"]["what"]
    assert "/runbooks/" in told
    assert "/d/sglang-" in told
    (message,) = chain.sinks.at(CHAT)
    assert message["channel"] == "#inference"
    assert message["attachments"][0]["title"] == f"firing: {page['payload']['summary']}"

    chain.exporter.play(RECOVERY)
    end = chain.sinks.wait(PAGES, 2, seconds=PATIENCE)[1]
    assert (end["event_action"], end["dedup_key"]) == ("resolve", page["dedup_key"])
    # What the node explained may last a scrape longer than the node, and the chat hear of it in between.
    told = chain.sinks.wait_for(CHAT, lambda message: title(message).startswith("resolved: [test] Node"), PATIENCE)
    assert title(told).endswith(page["payload"]["summary"].partition("] ")[2])
    time.sleep(SETTLED_SECONDS)
    assert len(chain.sinks.at(PAGES)) == 2


def test_a_second_fault_is_a_page_beside_the_node(chain: Chain) -> None:
    chain.exporter.play(replace(LOAD, node_lost=True, xid=94))
    pages = chain.sinks.wait(PAGES, 2, seconds=PATIENCE)
    time.sleep(SETTLED_SECONDS)
    assert len(chain.sinks.at(PAGES)) == len(pages) == 2
    assert sorted(page["payload"]["summary"].split()[1] for page in pages) == ["GPU", "Node"]


def title(message: Any) -> str:
    """The first line of a Slack message."""
    return str(message["attachments"][0]["title"])
