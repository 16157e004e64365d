"""The real exporter on a made-up node: names, kinds and labels are AWS's, and no device keeps the others from view."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.alerts.exporters import SERIES, Exporter
from components.monitoring.dashboards.catalogue import dashboards
from components.monitoring.dashboards.grafana import to_json
from components.monitoring.efa_exporter.component import EfaExporter
from components.monitoring.efa_exporter.exporter import MOST_REQUESTS, READ_SECONDS
from components.monitoring.efa_exporter.settings import EfaExporterSettings
from tests import tools
from tests.behaviour.stack import parts
from tests.behaviour.world.shapes import other_shapes
from tests.contract import efa
from tests.contract.efa import COUNTERS, MELLANOX, OLDER, Sysfs, exporting
from tests.contract.shared import kubernetes_faults, schema_faults, strict_schema
from tests.support import context, run

KUBERNETES = "1.34"


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    """A node with two EFA interfaces."""
    made = Sysfs(tmp_path / "sys")
    made.add("rdmap16s27")
    made.add("rdmap32s27")
    return made


@pytest.fixture
def exporter(sysfs: Sysfs, tmp_path: Path) -> Iterator[efa.Exporter]:
    """The exporter on that node."""
    with exporting(sysfs.root, tmp_path) as running:
        yield running


def test_each_counter_of_the_driver_is_a_counter_under_awss_name(sysfs: Sysfs, exporter: efa.Exporter) -> None:
    sysfs.set("rdmap16s27", "tx_bytes", 2**63 + 1)
    page = exporter.page()
    for device in ("rdmap16s27", "rdmap32s27"):
        assert set(page.of_device(device)) == COUNTERS
    assert page.of_device("rdmap16s27")["tx_bytes"] == float(2**63 + 1)
    assert {name: page.kinds[f"node_amazonefa_{name}"] for name in COUNTERS} == dict.fromkeys(COUNTERS, "counter")
    assert page.samples["node_amazonefa_info", "device=rdmap16s27"] == 1
    assert page.samples["efa_exporter_devices",] == 2
    assert [page.errors(device) for device in ("rdmap16s27", "rdmap32s27")] == [0, 0]


def test_what_dashboards_and_alerts_ask_for_is_exported(exporter: efa.Exporter) -> None:
    exported = {key[0] for key in exporter.page().samples}
    boards = [to_json(board) for board in dashboards(parts())]
    asked = set(re.findall(r"node_amazonefa_\w+", str(boards)))
    assert len(asked) > 5
    assert asked | set(SERIES[Exporter.EFA]) <= exported


def test_the_played_stack_has_the_same_series(exporter: efa.Exporter) -> None:
    page = exporter.page()
    played = {name: shape for name, shape in other_shapes().items() if name.startswith("node_amazonefa_")}
    labels = {key[0]: {label.partition("=")[0] for label in key[1:]} for key in page.samples}
    assert {name: (page.kinds[name], frozenset(labels[name])) for name in played} == played


def test_prometheus_own_linter_finds_fault_with_awss_names_alone(exporter: efa.Exporter) -> None:
    promtool = tools.find("promtool")
    if promtool is None:
        pytest.skip("`make tools` has not made promtool")
    said = subprocess.run(
        [promtool, "check", "metrics"], input=exporter.get("/metrics"), capture_output=True, text=True, check=False
    )
    found = [line.partition(" ") for line in (said.stdout + said.stderr).splitlines()]
    assert {name for name, _, _ in found} == {f"node_amazonefa_{name}" for name in COUNTERS}
    assert {fault for _, _, fault in found} == {'counter metrics should have "_total" suffix'}


def test_a_device_of_another_make_is_none(sysfs: Sysfs, exporter: efa.Exporter) -> None:
    sysfs.add("mlx5_0", vendor=MELLANOX, driver="mlx5_core")
    sysfs.add("passed-on", driver="vfio-pci")
    sysfs.add("namesake", vendor=MELLANOX)
    page = exporter.page()
    assert page.samples["efa_exporter_devices",] == 2
    assert {name: page.of_device(name) for name in ("mlx5_0", "passed-on", "namesake")} == {
        "mlx5_0": {},
        "passed-on": {},
        "namesake": {},
    }


def test_a_node_without_the_driver_has_no_device_and_no_error(tmp_path: Path) -> None:
    with exporting(Sysfs(tmp_path / "sys").root, tmp_path) as running:
        assert running.page().samples == {("efa_exporter_devices",): 0}


def test_an_older_driver_lacks_some_counters_and_that_is_no_error(sysfs: Sysfs, exporter: efa.Exporter) -> None:
    sysfs.add("rdmap48s27", counters=OLDER)
    page = exporter.page()
    assert set(page.of_device("rdmap48s27")) == OLDER
    assert page.errors("rdmap48s27") == 0


@pytest.mark.parametrize("value", ["", "N/A (no PMA)", "-"])
def test_a_counter_without_a_number_is_left_out_and_counted(sysfs: Sysfs, exporter: efa.Exporter, value: str) -> None:
    sysfs.set("rdmap16s27", "rx_drops", value)
    page = exporter.page()
    assert set(page.of_device("rdmap16s27")) == COUNTERS - {"rx_drops"}
    assert (page.errors("rdmap16s27"), page.errors("rdmap32s27")) == (1, 0)
    assert exporter.page().errors("rdmap16s27") == 2


def test_a_device_without_any_counter_is_an_error(sysfs: Sysfs, exporter: efa.Exporter) -> None:
    """So it is in a container's own sysfs: the device is there, its counters are not."""
    sysfs.add("rdmap48s27", counters=frozenset())
    assert exporter.page().errors("rdmap48s27") == 1


def test_a_device_that_hangs_keeps_no_other_from_view(sysfs: Sysfs, exporter: efa.Exporter) -> None:
    stuck = sysfs.counter("rdmap16s27", "rx_pkts")
    stuck.unlink()
    os.mkfifo(stuck)  # whoever opens it waits for a writer
    for errors in (1, 2):
        began = time.monotonic()
        page = exporter.page()
        assert time.monotonic() - began < READ_SECONDS + 8
        assert page.of_device("rdmap16s27") == {}
        assert set(page.of_device("rdmap32s27")) == COUNTERS
        assert (page.errors("rdmap16s27"), page.errors("rdmap32s27")) == (errors, 0)
    assert exporter.get("/healthz") == "ok\n"
    stuck.write_text("7\n")  # the read that hung ends
    assert exporter.page().of_device("rdmap16s27")["rx_pkts"] == 7


def test_devices_come_and_go_and_begin_anew(sysfs: Sysfs, exporter: efa.Exporter) -> None:
    sysfs.set("rdmap16s27", "tx_pkts", 500)
    assert exporter.page().of_device("rdmap16s27")["tx_pkts"] == 500
    sysfs.remove("rdmap16s27")
    assert exporter.page().of_device("rdmap16s27") == {}
    sysfs.add("rdmap16s27")
    assert exporter.page().of_device("rdmap16s27")["tx_pkts"] == 0


def test_silent_clients_take_no_more_than_their_places(exporter: efa.Exporter) -> None:
    host, port = exporter.address.split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(3 * MOST_REQUESTS)]
    try:
        last = silent[-1]
        last.settimeout(30)
        assert last.recv(1) == b"", "the last one is hung up on"
    finally:
        for each in silent:
            each.close()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            assert "efa_exporter_devices 2" in exporter.get("/metrics")
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("it does not answer any more")


def test_it_stays_far_below_its_memory_limit_with_the_devices_of_a_p5(tmp_path: Path) -> None:
    sysfs = Sysfs(tmp_path / "sys")
    for number in range(32):
        sysfs.add(f"rdmap{number}s27")
    with exporting(sysfs.root, tmp_path) as running, ThreadPoolExecutor(4) as clients:
        pages = list(clients.map(lambda _: running.page(), range(40)))
        peak = _peak_mib(running.processes.pid("exporter"))
    assert {len(page.of_device("rdmap31s27")) for page in pages} == {len(COUNTERS)}
    assert peak < 48, f"{peak} MiB of 64"


def _peak_mib(process: int) -> int:
    """The most memory that a process ever had."""
    (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(kib) // 1024


def objects() -> dict[str, list[dict[str, Any]]]:
    recording = run(
        lambda: EfaExporter(
            "efa-exporter",
            context(),
            EfaExporterSettings(),
            instance_types=["ml.p5.48xlarge"],
            tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}],
            monitoring_namespace="monitoring",
            interval_seconds=15,
        )
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in recording.resources:
        if "kind" in resource.inputs:
            found.setdefault(resource.inputs["kind"], []).append(dict(resource.inputs))
    return found


def test_its_objects_are_what_kubernetes_and_the_operator_take() -> None:
    made = objects()
    assert {kind: len(each) for kind, each in made.items()} == {
        "Namespace": 1,
        "NetworkPolicy": 2,
        "ConfigMap": 1,
        "DaemonSet": 1,
        "PodMonitor": 1,
    }
    (monitor,) = made.pop("PodMonitor")
    assert schema_faults(monitor["spec"], strict_schema("monitoring.coreos.com_PodMonitor", "spec")) == []
    assert [fault for each in made.values() for body in each for fault in kubernetes_faults(body, KUBERNETES)] == []
