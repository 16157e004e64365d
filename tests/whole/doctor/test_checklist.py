"""The checklists: what a program can check is checked, the rest is listed."""

from __future__ import annotations

import re
from dataclasses import replace as changed

from components.monitoring.dashboards.catalogue import dashboards
from infra.doctor.answer import Answer, State
from infra.doctor.check import CHECKS, examine
from infra.doctor.checklist import after, before, under_load
from infra.doctor.metrics import Sample
from infra.doctor.observed import Cluster
from infra.doctor.performance import FIGURES
from infra.plan import resolve
from infra.plan.dashboards import dashboard_parts
from tests import shipped
from tests.unit.doctor.clusters import cluster, expected


def states(answers: list[Answer]) -> dict[str, State]:
    return {each.item: each.state for each in answers}


def post(of: Cluster) -> dict[str, State]:
    return states(after(expected(), examine(expected(), of, CHECKS)))


def test_before_a_deployment_the_shipped_stacks_have_nothing_wrong() -> None:
    for stack in shipped.STACKS:
        answers = before(expected(stack))
        assert State.FAILS not in states(answers).values()
        assert State.BY_HAND in states(answers).values()
        assert all(each.detail for each in answers)


def test_before_a_deployment_what_the_settings_leave_out_fails() -> None:
    prod = shipped.settings("prod")
    platform = prod.platform.model_copy(update={"efa": prod.platform.efa.model_copy(update={"enabled": False})})
    monitoring = prod.monitoring.model_copy(update={"enabled": False})
    settings = prod.model_copy(update={"platform": platform, "monitoring": monitoring})
    told = states(before(changed(expected("prod"), plan=resolve(settings))))
    assert told["EFA device plugin, where instance types have EFA"] is State.FAILS
    assert told["Prometheus and Grafana"] is State.FAILS


def test_after_a_deployment_findings_decide_and_the_unread_is_left_to_a_person() -> None:
    healthy = post(cluster())
    assert healthy["Every pod runs"] is State.HOLDS
    assert healthy["Ranks talk over EFA"] is State.BY_HAND
    ill = post(cluster("pending"))
    assert ill["Every pod runs"] is State.FAILS


def test_a_test_request_is_always_done_by_hand() -> None:
    assert post(cluster())["A test request to qwen3-8b"] is State.BY_HAND


def test_the_queries_under_load_name_metrics_that_the_dashboards_have() -> None:
    answers = under_load(expected(), examine(expected(), cluster(), CHECKS), None)
    asked = {name for each in answers for name in re.findall(r"sglang:\w+?(?=_bucket|\W|$)", each.detail)}
    texts = [text for board in dashboards(dashboard_parts(expected().plan)) for text in board.expressions()]
    known = {name.removesuffix("_bucket") for text in texts for name in re.findall(r"sglang:\w+", text)}
    assert len(asked) > 3
    assert asked <= known


def test_under_load_prometheus_is_asked_for_each_model() -> None:
    asked: list[str] = []

    def metrics(expression: str) -> list[Sample]:
        asked.append(expression)
        return [Sample({"model": "qwen3-8b"}, 60.0)]

    told = {each.item: each for each in under_load(expected(), examine(expected(), cluster(), CHECKS), metrics)}
    assert len(asked) == len(FIGURES)
    first = told["Time to first token (P95)"]
    assert (first.state, first.detail.split(";")[0]) == (State.FAILS, "qwen3-8b 60 s")
    assert "at most 5 s (timeToFirstTokenSeconds)" in first.detail
    assert told["GPU utilisation"].state is State.FAILS
