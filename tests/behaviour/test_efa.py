"""The stack's own EFA exporter, scraped by the real Prometheus: panels show what its nodes do, and the alert tells."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from components.monitoring.alerts.settings import ThresholdSettings
from components.monitoring.dashboards.fabric import fabric
from components.monitoring.dashboards.grafana import to_json
from tests.behaviour.alerting import rules
from tests.behaviour.draw import evaluate
from tests.behaviour.server import Prometheus, prometheus
from tests.behaviour.stack import parts
from tests.contract.efa import Sysfs, exporting

ALERT = "EfaErrors"
NODES = ("ip-10-0-1-16", "ip-10-0-1-17")
DEVICES = ("rdmap16s27", "rdmap32s27")
PANELS = ("EFA sent", "EFA received", "EFA retransmits", "EFA timeouts and lost peers", "EFA drops and failed requests")


class Fabric:
    """Nodes whose exporters are scraped by `server`."""

    def __init__(self, server: Prometheus, nodes: dict[str, Sysfs]) -> None:
        self.server, self.nodes = server, nodes

    def count(self, node: str, counter: str, value: int) -> None:
        """Let a counter of each device of a node have a value."""
        for device in DEVICES:
            self.nodes[node].set(device, counter, value)

    def scraped(self, counter: str, value: float) -> None:
        """Wait until every device of the first node was scraped with that value."""
        name = f'node_amazonefa_{counter}{{instance="{NODES[0]}"}}'
        self.server.wait(name, lambda found: [series.value for series in found] == [value] * len(DEVICES))


@pytest.fixture
def fabric_of_two(tmp_path: Path) -> Iterator[Fabric]:
    """Two nodes, found under their names as by the exporter's PodMonitor, and the stack's alert on them."""
    nodes = {name: Sysfs(tmp_path / name) for name in NODES}
    for sysfs in nodes.values():
        for device in DEVICES:
            sysfs.add(device)
    (alert,) = [rule for group in rules() for rule in group["rules"] if rule.get("alert") == ALERT]
    with ExitStack() as stack:
        found = []
        for name, sysfs in nodes.items():
            folder = tmp_path / f"exporter-{name}"
            folder.mkdir()
            address = stack.enter_context(exporting(sysfs.root, folder)).address
            found.append({"targets": [address], "labels": {"instance": name}})
        yield Fabric(
            stack.enter_context(prometheus(tmp_path, rules=[{"name": ALERT, "rules": [alert]}], static=found)), nodes
        )


Course = dict[float, float]
"""Values by their moments."""


def drawn_once_all_grew(server: Prometheus, began: float) -> tuple[dict[str, dict[str, Course]], float]:
    """The panels' lines by panel and node, and the last moment at which the first node's growth is in every panel: a
    panel's points stand some seconds apart.
    """
    board = to_json(fabric(parts()))
    deadline = time.monotonic() + 120
    while True:
        panels, _ = evaluate(board, server, began, time.time())
        lines = {
            each.panel["title"]: {line.name: dict(line.points) for line in each.lines}
            for each in panels
            if each.panel["title"] in PANELS
        }
        courses = [names.get(NODES[0], {}) for names in lines.values()]
        if moments := set.intersection(*({when for when, value in course.items() if value > 0} for course in courses)):
            return lines, max(moments)
        assert time.monotonic() < deadline, f"growth is not in every panel: {lines}"
        time.sleep(1)


def test_panels_show_what_the_nodes_do(fabric_of_two: Fabric) -> None:
    began = time.time()
    # A rate takes two scrapes of a device.
    scraped_twice = "count_over_time(node_amazonefa_tx_bytes[1m]) > 1"
    fabric_of_two.server.wait(scraped_twice, lambda found: len(found) == len(NODES) * len(DEVICES))
    grown = {
        "tx_bytes": 8_000_000,
        "rx_bytes": 4_000_000,
        "tx_pkts": 1000,
        "retrans_pkts": 20,
        "retrans_timeout_events": 3,
        "unresponsive_remote_events": 2,
        "rx_drops": 4,
    }
    for counter, value in grown.items():
        fabric_of_two.count(NODES[0], counter, value)
    for counter, value in grown.items():
        fabric_of_two.scraped(counter, value)
    lines, moment = drawn_once_all_grew(fabric_of_two.server, began)
    assert {title: set(names) - set(NODES) for title, names in lines.items()} == {title: set() for title in PANELS}
    busy = {title: names[NODES[0]][moment] for title, names in lines.items()}
    assert busy["EFA sent"] == pytest.approx(2 * busy["EFA received"])
    assert busy["EFA retransmits"] == pytest.approx(0.02)
    assert busy["EFA timeouts and lost peers"] == pytest.approx(5 / 4 * busy["EFA drops and failed requests"])
    assert {value for value in lines["EFA sent"][NODES[1]].values() if math.isfinite(value)} == {0}


def test_errors_of_a_node_are_told_with_its_name_and_a_reloaded_driver_is_none(fabric_of_two: Fabric) -> None:
    server, limit = fabric_of_two.server, int(ThresholdSettings().efa_errors)
    fabric_of_two.scraped("rdma_write_wr_err", 0)
    fabric_of_two.count(NODES[0], "rdma_write_wr_err", 100 * limit)
    alert = server.wait_for_alert(ALERT)
    assert alert is not None
    assert alert["labels"]["instance"] == NODES[0]
    assert NODES[0] in alert["annotations"]["summary"]
    server.wait_for_alert(ALERT, state=None)
    fabric_of_two.count(NODES[0], "rdma_write_wr_err", 0)  # the driver was loaded again
    fabric_of_two.scraped("rdma_write_wr_err", 0)
    (grown,) = server.query(f'sum(increase(node_amazonefa_rdma_write_wr_err{{instance="{NODES[0]}"}}[10s]))')
    assert grown.value == 0
    assert server.alerts(ALERT) == []
