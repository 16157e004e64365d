"""Every panel of every dashboard shows what it says, on the real Prometheus, through load, outage and recovery."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.dashboards.catalogue import dashboards
from components.monitoring.dashboards.grafana import to_json
from tests.behaviour.conftest import History
from tests.behaviour.draw import Drawn, evaluate, page
from tests.behaviour.stack import POD_HOUR, parts
from tests.behaviour.world import LOAD
from tests.behaviour.world.engines import ANSWER_TOKENS, PROMPT_TOKENS

PICTURES = Path(__file__).parents[2] / "docs" / "dashboards"
BOARDS = {board.uid: to_json(board) for board in dashboards(parts())}


@dataclass(frozen=True, slots=True)
class Shown:
    """A dashboard with what its panels got."""

    model: dict[str, Any]
    panels: list[Drawn]
    chosen: dict[str, list[str]]

    def lines(self, title: str, kind: str = "timeseries") -> dict[str, list[float]]:
        """The lines of a panel by their legends."""
        (found,) = [each for each in self.panels if (each.panel["title"], each.panel["type"]) == (title, kind)]
        return {line.name: line.values for line in found.lines}


def shown(history: History, uid: str, phase: str) -> Shown:
    """A dashboard over a phase, without its first minutes, in which rates still hold the one before."""
    start, end = history.phases[phase]
    panels, chosen = evaluate(BOARDS[uid], history.prometheus, start + 240, end)
    return Shown(BOARDS[uid], panels, chosen)


boards = pytest.mark.parametrize("uid", BOARDS)


@boards
def test_no_panel_is_empty_under_load(history: History, uid: str) -> None:
    for each in shown(history, uid, "load").panels:
        if each.panel["type"] in ("row", "text"):
            continue
        assert each.lines, each.panel["title"]
        assert all(len(line.values) == len(line.points) for line in each.lines), each.panel["title"]


@boards
@pytest.mark.parametrize("phase", ["load", "outage", "recovery"])
def test_values_stay_within_what_their_unit_can_be(history: History, uid: str, phase: str) -> None:
    for each in shown(history, uid, phase).panels:
        if each.panel["type"] in ("row", "text"):
            continue
        highest = each.panel["fieldConfig"]["defaults"].get("max", math.inf)
        for line in each.lines:
            assert all(0 <= value <= highest for value in line.values), f"{each.panel['title']}: {line.name}"


@boards
def test_every_line_has_a_name_of_its_own(history: History, uid: str) -> None:
    for each in shown(history, uid, "load").panels:
        names = [line.name.strip() for line in each.lines]
        assert len(set(names)) == len(names), each.panel["title"]
        assert all(names), each.panel["title"]
        assert each.panel["type"] != "stat" or len(names) == 1, each.panel["title"]


@boards
def test_variables_begin_with_what_is_there(history: History, uid: str) -> None:
    chosen = shown(history, uid, "load").chosen
    assert all(chosen.values()), chosen


def test_each_request_is_counted_once(history: History) -> None:
    overview = shown(history, "sglang-overview", "load")
    requests = overview.lines("Requests", "stat")["value"]
    assert requests[-1] == pytest.approx(LOAD.requests_per_second * 1.6, rel=0.01)


def test_cost_is_price_over_tokens(history: History) -> None:
    (both,) = [values for name, values in _cost(history).items() if name == "qwen3-30b: in and out"]
    tokens = LOAD.requests_per_second * (PROMPT_TOKENS + ANSWER_TOKENS) * 3600
    assert both[-1] == pytest.approx(2 * POD_HOUR["qwen3-30b"] / tokens * 1e6, rel=0.01)


def test_a_lost_group_costs_nothing(history: History) -> None:
    name = "deepseek-r1: in and out"
    per_token = {phase: _cost(history, phase)[name][-1] for phase in ("load", "outage")}
    rate = {
        phase: shown(history, "sglang-overview", phase).lines("Tokens out")["deepseek-r1"][-1] for phase in per_token
    }
    hourly = {phase: per_token[phase] * rate[phase] for phase in per_token}
    assert hourly["outage"] / hourly["load"] == pytest.approx(4 / 6, rel=0.01)


def _cost(history: History, phase: str = "load") -> dict[str, list[float]]:
    return shown(history, "sglang-overview", phase).lines("Cost per million tokens")


def test_the_outage_is_seen_where_it_is(history: History) -> None:
    routers = shown(history, "sglang-router", "outage")
    states = routers.lines("Circuit breaker of each worker", "state-timeline")
    assert {name for name, values in states.items() if values[-1] == 1} == {"deepseek-r1 http://10.0.1.16:30000"}
    capacity = shown(history, "sglang-capacity", "outage")
    nodes = capacity.lines("Nodes wanted and there")
    assert (nodes["large wanted"][-1], nodes["large ready"][-1]) == (6, 5)
    assert capacity.lines("Groups wanted and ready")["deepseek-r1-decode ready"][-1] == 1
    fabric = shown(history, "sglang-fabric-gpu", "outage")
    assert [values[-1] for values in fabric.lines("Last XID error").values() if values[-1]] == [94]


@boards
def test_a_dashboard_can_be_drawn(history: History, uid: str) -> None:
    board = shown(history, uid, "load")
    picture = page(board.model, board.panels, board.chosen)
    assert "no data" not in picture
    assert all(_escaped(each.panel["title"]) in picture for each in board.panels)


@boards
def test_the_documentation_has_its_picture(uid: str) -> None:
    picture = (PICTURES / f"{uid}.svg").read_text()
    missing = [panel["title"] for panel in BOARDS[uid]["panels"] if _escaped(panel["title"]) not in picture]
    assert missing == [], "`python -m tests.behaviour.draw` draws them again"


def _escaped(title: str) -> str:
    return f">{title}<".replace("&", "&amp;")
