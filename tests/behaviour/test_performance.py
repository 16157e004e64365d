"""`doctor --checklist perf` on the played stack: a healthy one and an overrun one are told apart."""

from __future__ import annotations

import json
import time
from pathlib import Path

from components.monitoring.alerts.settings import ThresholdSettings
from infra.doctor.answer import Answer, State
from infra.doctor.metrics import Sample, at_address, samples
from infra.doctor.performance import figures
from tests.behaviour.alerting import rules, wait_for_leaders
from tests.behaviour.conftest import History
from tests.behaviour.exporter import exporting
from tests.behaviour.server import prometheus
from tests.behaviour.world import LOAD, World
from tests.behaviour.world.layout import MODELS

RELEASES = dict.fromkeys(MODELS, "0.5.17")


def at(history: History, phase: str) -> dict[str, Answer]:
    """The figures at the end of a phase."""
    _, end = history.phases[phase]

    def ask(expression: str) -> list[Sample]:
        data = history.prometheus.api("query", {"query": expression, "time": f"{end:.3f}"})
        return samples(json.dumps({"status": "success", "data": data}))

    return {each.item: each for each in figures(RELEASES, ThresholdSettings(), ask)}


def states(answers: dict[str, Answer]) -> dict[str, State]:
    return {item: answer.state for item, answer in answers.items()}


ASKED_OF_ENGINES = (
    "Time to first token (P95)",
    "Time per output token (P95)",
    "The queue stays short",
    "Few requests fail",
)


def test_a_healthy_stack_and_an_overrun_one_differ(history: History) -> None:
    healthy, overrun = at(history, "load"), at(history, "outage")
    assert [states(healthy)[item] for item in ASKED_OF_ENGINES] == [State.HOLDS] * 4
    assert State.FAILS in {states(overrun)[item] for item in ASKED_OF_ENGINES[:3]}
    assert states(overrun)["Few requests fail"] is State.FAILS
    assert all(model in healthy["Time to first token (P95)"].detail for model in MODELS)


def test_what_no_rule_has_recorded_is_left_to_a_person(history: History) -> None:
    answer = at(history, "load")["GPU utilisation"]
    assert answer.state is State.BY_HAND
    assert "no value for qwen3-30b, deepseek-r1" in answer.detail


def test_a_running_prometheus_is_asked_at_its_address(tmp_path: Path) -> None:
    with (
        exporting(World()) as exporter,
        prometheus(tmp_path, rules=rules(), discovery=exporter.discovery, interval="2s") as server,
    ):
        exporter.play(LOAD)
        wait_for_leaders(server)
        deadline = time.monotonic() + 40
        while (used := utilisation(server.url)).state is State.BY_HAND:
            assert time.monotonic() < deadline, used
            time.sleep(0.5)
        assert all(f"{model} " in used.detail for model in MODELS)


def utilisation(url: str) -> Answer:
    """The figure that needs what the plan's rules record."""
    (answer,) = [
        each for each in figures(RELEASES, ThresholdSettings(), at_address(url)) if each.item == "GPU utilisation"
    ]
    return answer
