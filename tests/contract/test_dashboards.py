"""Dashboards ask for series and labels that exist, in PromQL that Prometheus parses, and are what Grafana reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard as SdkDashboard

from components.facts.engines import SUPPORTED, engine
from components.monitoring.alerts.catalogue import ALERTS
from components.monitoring.alerts.model import Alert
from components.monitoring.dashboards.catalogue import dashboards
from components.monitoring.dashboards.grafana import COLUMNS, to_json
from components.monitoring.dashboards.model import Dashboard, Panel
from components.monitoring.dashboards.parts import ModelPart, Parts
from tests.behaviour.server import Prometheus, QueryError, prometheus
from tests.behaviour.stack import parts
from tests.contract.exported import counts, labels
from tests.contract.promql import COUNTING, series
from tests.contract.reader import Reader
from tests.tools import find

CONFIG_MAP_LIMIT = 1024 * 1024
WHOLE = dashboards(parts())
BOARDS = pytest.mark.parametrize("board", WHOLE, ids=[board.uid for board in WHOLE])
PANELS = pytest.mark.parametrize(
    ("board", "panel"),
    [(board, panel) for board in WHOLE for panel in board.panels],
    ids=[f"{board.uid}: {panel.title}" for board in WHOLE for panel in board.panels],
)
UIDS = ("overview", "model", "prefill-decode", "router", "fabric-gpu", "capacity")


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if find("prometheus") is None:
        pytest.skip("prometheus is not built (`make tools`)")
    folder: Path = tmp_path_factory.mktemp("parser")
    with prometheus(folder) as server:
        yield server


def tree(parser: Prometheus, expression: str) -> dict[str, Any]:
    text = expression.replace("$__rate_interval", "2m")
    return parser.parse(text)


def read(parser: Prometheus, expression: str) -> tuple[frozenset[str], list[str]]:
    """The labels of an expression's result, and what it asks of series that is not there."""
    reader = Reader(labels)
    return reader.labels(tree(parser, expression)), reader.faults


def of_versions(*versions: str) -> Parts:
    """The stack, its models each once for every version."""
    whole = parts()
    models = [replace(model, engine_version=version) for version in versions for model in whole.models]
    return replace(whole, models=tuple(models))


def every_expression(board: Dashboard) -> list[str]:
    return [*board.expressions(), *(variable.selector for variable in board.variables)]


def test_there_are_six() -> None:
    assert [board.uid for board in WHOLE] == [f"sglang-{name}" for name in UIDS]


@BOARDS
def test_every_expression_parses(parser: Prometheus, board: Dashboard) -> None:
    for expression in every_expression(board):
        assert tree(parser, expression)["type"]


def test_a_wrong_expression_would_be_found(parser: Prometheus) -> None:
    with pytest.raises(QueryError, match="parse error"):
        tree(parser, "sum by (model) rate(x[5m]")


@BOARDS
def test_every_series_and_label_exists(parser: Prometheus, board: Dashboard) -> None:
    for expression in every_expression(board):
        assert read(parser, expression)[1] == [], expression


@PANELS
def test_legends_use_labels_that_the_result_has(parser: Prometheus, board: Dashboard, panel: Panel) -> None:
    for query in panel.queries:
        wanted = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        assert wanted <= read(parser, query.expression)[0], board.title


@PANELS
def test_only_what_grows_has_a_rate(parser: Prometheus, board: Dashboard, panel: Panel) -> None:
    for query in panel.queries:
        for asked in series(tree(parser, query.expression)):
            assert asked.function not in COUNTING or counts(asked.name), f"{board.title}: {asked.name}"


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("sum by (flavour) (sglang:token_usage)", "groups by flavour"),
        ('sglang:token_usage{flavour="b"}', "sglang:token_usage is selected by flavour"),
        ("sglang:token_usage * on (node) kube_node_info", "* matches on node"),
        ("histogram_quantile(0.9, sum by (model) (rate(sglang:queue_time_seconds_bucket[5m])))", "quantile needs le"),
        ("sum(sglang:running_requests)", "nothing exports sglang:running_requests"),
        ("sum(smg_worker_cb_status)", "nothing exports smg_worker_cb_status"),
        ("sum(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL)", "nothing exports DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"),
    ],
)
def test_what_is_not_there_would_be_found(parser: Prometheus, expression: str, fault: str) -> None:
    (found,) = read(parser, expression)[1]
    assert fault in found


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_engine_series_exists_in_the_release_of_the_models(parser: Prometheus, version: str) -> None:
    asked = {
        found.name
        for board in dashboards(of_versions(version))
        for expression in every_expression(board)
        for found in series(tree(parser, expression))
        if found.name.startswith("sglang:")
    }
    assert asked
    assert asked - engine(version).series == set()


def test_a_panel_asks_each_release_for_what_it_has(parser: Prometheus) -> None:
    board = next(board for board in dashboards(of_versions("0.5.8", "0.5.17")) if board.uid == "sglang-prefill-decode")
    speed = next(panel for panel in board.panels if panel.title == "Transfer speed")
    asked = [{found.name for found in series(tree(parser, query.expression))} for query in speed.queries]
    assert {"sglang:kv_transfer_speed_gb_s_bucket"} in asked  # a histogram since 0.5.13
    assert {"sglang:kv_transfer_speed_gb_s"} in asked  # a gauge in 0.5.8


@PANELS
def test_a_panel_says_what_it_shows_and_in_which_unit(board: Dashboard, panel: Panel) -> None:
    known = {value for value in vars(units).values() if isinstance(value, str)}
    assert panel.unit in known or panel.unit.startswith("suffix: "), board.title
    assert panel.description.endswith(".")
    assert panel.queries
    assert [step.value for step in panel.thresholds] == sorted(step.value for step in panel.thresholds)


@BOARDS
def test_the_json_has_grafanas_types(board: Dashboard) -> None:
    register_default_plugins()
    model = to_json(board)
    read = json.loads(JSONEncoder().encode(SdkDashboard.from_json(model)))
    assert list(lost(model, read)) == []


def lost(written: Any, read: Any, path: str = "") -> Iterator[str]:
    """What Grafana's own types do not know or read otherwise; they may add their defaults."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            if key in read:
                yield from lost(value, read[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, (one, other) in enumerate(zip(written, read, strict=True)):
            yield from lost(one, other, f"{path}[{index}]")
    elif written != read:
        yield f"{path}: {written!r} reads {read!r}"


def test_a_field_that_grafana_does_not_know_would_be_found() -> None:
    register_default_plugins()
    model = to_json(WHOLE[0])
    model["panels"][1]["options"]["colourMode"] = "value"
    read = json.loads(JSONEncoder().encode(SdkDashboard.from_json(model)))
    assert list(lost(model, read)) == [".panels[1].options.colourMode"]


@BOARDS
def test_the_json_is_what_grafana_provisions(board: Dashboard) -> None:
    model = to_json(board)
    drawn = model["panels"]
    assert len({panel["id"] for panel in drawn}) == len(drawn)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS for panel in drawn)
    for panel in drawn:
        references = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(references)) == len(references)
    assert model["templating"]["list"][0]["name"] == "datasource"
    assert len(json.dumps(model)) < CONFIG_MAP_LIMIT
    assert "id" not in model


@BOARDS
def test_panels_fill_their_rows_and_do_not_overlap(board: Dashboard) -> None:
    cells = [
        (column, line)
        for panel in to_json(board)["panels"]
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    bottom = max(line for _, line in cells) + 1
    assert len(cells) == COLUMNS * bottom


@BOARDS
def test_every_variable_that_a_query_uses_is_there(board: Dashboard) -> None:
    used = {name for text in every_expression(board) for name in re.findall(r"\$([a-z]\w*)", text)}
    assert used <= {variable.name for variable in board.variables}
    shown = {variable.name for variable in board.variables if not variable.hidden}
    assert shown <= used


def plain(version: str = SUPPORTED[0]) -> Parts:
    """A stack with one model, no router, no price, and nothing that the other parts are."""
    (group, *_) = parts().models[0].groups
    bare = replace(group, pod_hour=None, speculative=False, lora=False, efa=False)
    model = ModelPart(name="small", engine_version=version, groups=(bare,))
    return replace(parts(), models=(model,), scaling=False, gpus=False, volumes=False)


def test_a_stack_has_the_dashboards_of_its_parts() -> None:
    assert [board.uid for board in dashboards(plain())] == ["sglang-overview", "sglang-model", "sglang-capacity"]
    with_gpus = dashboards(replace(plain(), gpus=True))
    assert "sglang-fabric-gpu" in {board.uid for board in with_gpus}
    assert "EFA" not in {row.title for board in with_gpus for row in board.rows}


def test_a_part_that_is_not_there_has_no_panel() -> None:
    titles = {panel.title for board in dashboards(plain()) for panel in board.panels}
    absent = {"LoRA slots in use", "Speculation: accept rate", "Groups against their limits", "File system in use"}
    assert titles & absent == set()
    assert absent <= {panel.title for board in WHOLE for panel in board.panels}


def test_an_unknown_price_is_said() -> None:
    overview = dashboards(plain())[0]
    (panel,) = [panel for panel in overview.panels if "Cost" in panel.title]
    assert panel.kind == "text"
    assert "No cost for **small**" in panel.description
    assert not any("prices" in expression for expression in overview.expressions())


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_the_dashboard_of_an_alert_exists(alert: Alert) -> None:
    assert alert.dashboard in {board.uid for board in WHOLE}
