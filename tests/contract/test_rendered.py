"""The collector's and Loki's own programs take the configuration that their charts make of the program's values."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.logs import loki
from components.monitoring.logs.plan import LOKI_URL
from components.monitoring.traces import collector, tempo
from components.monitoring.traces.plan import COLLECTOR_ENDPOINT, OTLP_PORT, TEMPO_URL
from tests import tools
from tests.contract.charts import Case
from tests.contract.rendered import digest, recorded, rendered_cases

CASES = pytest.mark.parametrize("case", list(rendered_cases()), ids=lambda case: case.name)
NODE = {f"OTEL_K8S_{name}": "x" for name in ("NAMESPACE", "NODE_NAME", "NODE_IP", "POD_NAME", "POD_IP")}
"""What the chart's pod has in its environment."""


def program(name: str) -> Path:
    found = tools.find(name)
    if found is None:
        pytest.skip(f"{name} is not built (`make tools`)")
    return found


def validated(content: dict[str, Any], folder: Path) -> str:
    """What the collector has to say against a configuration."""
    file = folder / "collector.yaml"
    file.write_text(yaml.safe_dump(content))
    command = [program("collector"), "validate", f"--config={file}"]
    around = {**os.environ, **NODE, "MY_POD_IP": "127.0.0.1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=around).stderr


def verified(content: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Loki's own check of a configuration."""
    file = folder / "loki.yaml"
    file.write_text(yaml.safe_dump(content))
    command = [program("loki"), f"-config.file={file}", "-target=all", "-verify-config"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def relay(name: str) -> dict[str, Any]:
    """The collector's file of a case."""
    content: dict[str, Any] = yaml.safe_load(recorded(name)["files"]["relay"])
    return content


@CASES
def test_the_record_is_of_todays_values_and_charts(case: Case) -> None:
    assert recorded(case.name)["digest"] == digest(case), "run `python -m tests.contract.rendered FOLDER` again"


def test_the_collector_takes_its_configuration(tmp_path: Path) -> None:
    assert validated(relay("collector-tempo"), tmp_path) == ""


def test_the_collector_takes_its_configuration_for_xray(tmp_path: Path) -> None:
    """The module proxy has not all of the X-Ray exporter, so another stands in its place."""
    content = relay("collector-xray")
    exporter = content["exporters"].pop("awsxray")
    assert set(exporter) == {"region", "indexed_attributes"}
    content["exporters"]["otlp_grpc/xray"] = {"endpoint": "localhost:4317"}
    content["service"]["pipelines"]["traces"]["exporters"] = ["otlp_grpc/xray"]
    assert validated(content, tmp_path) == ""


@pytest.mark.parametrize(
    ("part", "name", "settings", "complaint"),
    [
        ("processors", "tail_sampling", {"decision_time": "5s"}, "decision_time"),
        ("processors", "filter", {"traces": {"span": ["IsMatch(uri)"]}}, "filter"),
        ("connectors", "span_metrics", {"histogram": {"explicit": {"buckets": ["10 ms"]}}}, "span_metrics"),
        ("exporters", "prometheus", {"endpoints": "x"}, "endpoints"),
    ],
)
def test_the_collector_refuses_what_is_wrong(
    part: str, name: str, settings: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    content = relay("collector-tempo")
    content[part][name] = settings
    assert complaint in validated(content, tmp_path)


@pytest.mark.parametrize("name", ["loki-metrics", "loki-plain"])
def test_loki_takes_its_configuration(name: str, tmp_path: Path) -> None:
    done = verified(yaml.safe_load(recorded(name)["files"]["config.yaml"]), tmp_path)
    assert done.returncode == 0, done.stderr


def test_loki_refuses_what_is_wrong(tmp_path: Path) -> None:
    content = yaml.safe_load(recorded("loki-plain")["files"]["config.yaml"])
    content["compactor"]["delete_request_store"] = ""
    assert verified(content, tmp_path).returncode != 0


@pytest.mark.parametrize(
    ("case", "address"),
    [
        ("loki-plain", LOKI_URL.removeprefix("http://")),
        ("tempo-plain", TEMPO_URL.removeprefix("http://")),
        ("tempo-plain", relay("collector-tempo")["exporters"]["otlp_grpc/tempo"]["endpoint"]),
        ("collector-tempo", COLLECTOR_ENDPOINT),
    ],
)
def test_an_address_that_others_know_is_a_service_of_the_chart(case: str, address: str) -> None:
    host, _, port = address.partition(":")
    assert int(port) in recorded(case)["services"][host.partition(".")[0]]


@pytest.mark.parametrize(
    ("case", "labels"),
    [
        ("loki-plain", loki.LABELS),
        ("tempo-plain", tempo.LABELS),
        ("collector-tempo", collector.LABELS),
        ("collector-xray", collector.LABELS),
    ],
)
def test_the_labels_of_network_policies_are_those_of_the_pods(case: str, labels: dict[str, str]) -> None:
    pods = recorded(case)["pods"].values()
    assert [pod for pod in pods if not labels.items() <= pod.items()] == []


def test_the_ports_of_network_policies_are_those_of_the_pods() -> None:
    loki_ports = recorded("loki-plain")["services"]
    assert {loki.PORT, *loki.RING_PORTS} <= {port for ports in loki_ports.values() for port in ports}
    assert {tempo.PORT, OTLP_PORT} <= set(recorded("tempo-plain")["services"]["tempo"])
    assert {OTLP_PORT, *collector.METRICS_PORTS.values()} == set(
        recorded("collector-tempo")["services"]["opentelemetry-collector"]
    )
