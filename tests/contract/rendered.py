"""What the charts of the collector, Loki and Tempo make of the program's values: configuration files, Services, pods.

`python -m tests.contract.rendered FOLDER` records it in `data/rendered.json`, with Helm and the charts at their pinned
versions as folders in FOLDER (`helm pull --untar`). The charts' registries serve no package client, so the tests read
the record, which fails once values or versions have changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from components.facts import pins
from components.monitoring.logs.plan import LOKI_NAMESPACE
from components.monitoring.traces.plan import TRACES_NAMESPACE
from tests import tools
from tests.contract.charts import Case, cases

RECORDED = Path(__file__).parent / "data" / "rendered.json"
NAMESPACES = {
    pins.LOKI.name: LOKI_NAMESPACE,
    pins.TEMPO.name: TRACES_NAMESPACE,
    pins.OPENTELEMETRY_COLLECTOR.name: TRACES_NAMESPACE,
}


def rendered_cases() -> Iterator[Case]:
    """Every way in which the program sets the values of these charts."""
    return (case for case in cases() if case.chart.name in NAMESPACES)


def digest(case: Case) -> str:
    """Of the chart's version and the values."""
    return hashlib.sha256(json.dumps([case.chart.version, case.values], sort_keys=True).encode()).hexdigest()


def recorded(name: str) -> dict[str, Any]:
    """The record of a case."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())[name]
    return found


def render(case: Case, charts: Path) -> dict[str, Any]:
    """What Helm makes of a case; CalledProcessError where the chart refuses the values."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chart = _without_subcharts(charts / case.chart.name, folder / "chart")
        values = folder / "values.yaml"
        values.write_text(yaml.safe_dump(case.values))
        command = [str(tools.find("helm")), "template", case.chart.name, str(chart), "-f", str(values)]
        command += ["--namespace", NAMESPACES[case.chart.name], "--api-versions", "monitoring.coreos.com/v1"]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"digest": digest(case), **_summary([each for each in yaml.safe_load_all(made) if each])}


def _without_subcharts(chart: Path, copy: Path) -> Path:
    """A copy whose conditional subcharts need not be fetched: all of them are off."""
    shutil.copytree(chart, copy)
    about = yaml.safe_load((copy / "Chart.yaml").read_text())
    assert all("condition" in each for each in about.pop("dependencies", []))
    (copy / "Chart.yaml").write_text(yaml.safe_dump(about))
    return copy


def _summary(objects: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    return {
        "files": {name: text for each in objects if each["kind"] == "ConfigMap" for name, text in each["data"].items()},
        "services": {
            each["metadata"]["name"]: sorted(port["port"] for port in each["spec"]["ports"])
            for each in objects
            if each["kind"] == "Service"
        },
        "pods": {
            each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
            for each in objects
            if each["kind"] in kinds
        },
    }


def main() -> None:
    """Record every case."""
    made = {case.name: render(case, Path(sys.argv[1])) for case in rendered_cases()}
    RECORDED.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
