"""Dashboards ask for metrics and labels that exist, in PromQL that parses, and are what Grafana reads."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.facts.engines import SUPPORTED, engine
from components.monitoring.dashboards.model import COLUMNS, Dashboard, Panel
from components.monitoring.dashboards.sglang import dashboard
from components.monitoring.monitors import EngineTarget
from tests.tools import find

DASHBOARDS = [dashboard()]
DCGM = frozenset(
    line
    for line in (Path(__file__).parent / "data" / "dcgm-metrics.txt").read_text().splitlines()
    if not line.startswith("#")
)
DCGM_LABELS = {"Hostname", "gpu", "exported_namespace", "exported_pod"}
TARGET_LABELS = {"namespace"} | {
    rule["targetLabel"]
    for rule in EngineTarget("a", "b", "c", "d").pod_monitor(interval_seconds=15)["podMetricsEndpoints"][0][
        "relabelings"
    ]
}
CONFIG_MAP_LIMIT = 1024 * 1024

METRIC = re.compile(r"\b(?:sglang:\w+|DCGM_\w+)")
SELECTOR = re.compile(r"(sglang:\w+|DCGM_\w+)\{([^}]*)\}")
GROUPED = re.compile(r"by \(([^)]*)\)")


def every(part: str) -> list[tuple[Dashboard, Panel]]:
    return [(board, panel) for board in DASHBOARDS for row in board.rows for panel in row.panels if part]


PANELS = every("panel")
panels = pytest.mark.parametrize(("board", "panel"), PANELS, ids=[panel.title for _, panel in PANELS])


def expressions(panel: Panel) -> list[str]:
    return [query.expression for query in panel.queries]


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_engine_metric_exists_in_every_supported_release(version: str) -> None:
    asked = {name for board in DASHBOARDS for text in board.expressions() for name in METRIC.findall(text)}
    variables = {
        name for board in DASHBOARDS for variable in board.variables for name in METRIC.findall(variable.query)
    }
    engines = {name for name in asked | variables if name.startswith("sglang:")}
    assert engines - engine(version).series == set()


def test_every_gpu_metric_is_collected_by_default() -> None:
    asked = {name for board in DASHBOARDS for text in board.expressions() for name in METRIC.findall(text)}
    assert {name for name in asked if name.startswith("DCGM")} - DCGM == set()


@panels
def test_every_label_exists(board: Dashboard, panel: Panel) -> None:
    for text in expressions(panel):
        for metric, matchers in SELECTOR.findall(text):
            used = {matcher.partition("=")[0].rstrip("!") for matcher in matchers.split(",")}
            known = DCGM_LABELS if metric.startswith("DCGM") else TARGET_LABELS | engine_labels(metric)
            assert used - known == set(), f"{board.title}: {panel.title}: {metric}"
        grouped = {label.strip() for group in GROUPED.findall(text) for label in group.split(",")}
        assert grouped - (TARGET_LABELS | {"le", "model_name"}) == set()


def engine_labels(series: str) -> set[str]:
    metrics = engine(SUPPORTED[0]).metrics.values()
    return {label for metric in metrics if series in metric.series for label in metric.labels}


@panels
def test_legends_use_labels_that_the_series_still_has(board: Dashboard, panel: Panel) -> None:
    for query in panel.queries:
        wanted = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        grouped = {label.strip() for group in GROUPED.findall(query.expression) for label in group.split(",")}
        assert wanted <= (grouped or DCGM_LABELS), f"{board.title}: {panel.title}"


@panels
def test_a_panel_says_what_it_shows_and_in_which_unit(board: Dashboard, panel: Panel) -> None:
    assert panel.unit
    assert panel.description.endswith(".")
    assert [step.value for step in panel.thresholds] == sorted(step.value for step in panel.thresholds)


def test_expressions_parse(tmp_path: Path) -> None:
    promtool = find("promtool")
    if promtool is None:
        pytest.skip("promtool is not built (`make tools`)")
    texts = [text for board in DASHBOARDS for text in board.expressions()]
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(texts)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{len(texts)} rules found" in done.stdout


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_the_json_is_what_grafana_provisions(board: Dashboard) -> None:
    model = board.to_json()
    drawn = model["panels"]
    assert len({panel["id"] for panel in drawn}) == len(drawn)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS for panel in drawn)
    assert {target["refId"] for panel in drawn for target in panel.get("targets", [])} <= set("ABCDEFGHIJ")
    assert model["templating"]["list"][0]["name"] == "datasource"
    assert len(json.dumps(model)) < CONFIG_MAP_LIMIT
    assert "id" not in model


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_panels_do_not_overlap(board: Dashboard) -> None:
    cells = [
        (column, line)
        for panel in board.to_json()["panels"]
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_every_variable_that_a_query_uses_is_there(board: Dashboard) -> None:
    queries = [*board.expressions(), *(variable.query for variable in board.variables)]
    used = {name for text in queries for name in re.findall(r"\$(\w+)", text) if not name.startswith("__")}
    assert used == {variable.name for variable in board.variables}
