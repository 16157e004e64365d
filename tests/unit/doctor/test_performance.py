"""The figures of the performance checklist: what becomes of an answer of Prometheus, and of none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from components.facts.engines import SUPPORTED
from components.monitoring.alerts.settings import ThresholdSettings
from components.monitoring.values import PROMETHEUS_URL
from infra.doctor.answer import Answer, State
from infra.doctor.kubectl import Kubectl, UnreadError
from infra.doctor.metrics import Sample, at_address, samples, through_api_server
from infra.doctor.performance import FIGURES, figures, measure

MODELS = {"a": "0.5.17", "b": "0.5.17"}
FIRST = "Time to first token (P95)"


def told(
    metrics: Callable[[str], list[Sample]] | None, thresholds: ThresholdSettings | None = None
) -> dict[str, Answer]:
    return {each.item: each for each in figures(MODELS, thresholds or ThresholdSettings(), metrics)}


def values(**by_model: float) -> Callable[[str], list[Sample]]:
    return lambda expression: [Sample({"model": model}, value) for model, value in by_model.items()]


def test_a_figure_within_its_threshold_holds() -> None:
    answer = told(values(a=0.8, b=5))[FIRST]
    assert (answer.state, answer.detail) == (State.HOLDS, "a 0.8 s, b 5 s; at most 5 s (timeToFirstTokenSeconds)")


def test_one_model_beyond_it_fails_with_the_page() -> None:
    answer = told(values(a=0.8, b=5.1))[FIRST]
    assert answer.state is State.FAILS
    assert answer.detail.endswith("docs/runbooks/alerts/latency.md#timetofirsttokenhigh")


def test_the_users_own_threshold_counts() -> None:
    slow = ThresholdSettings(time_to_first_token_seconds=0.5)
    assert told(values(a=0.8, b=0.1), slow)[FIRST].state is State.FAILS


def test_gpus_must_be_busy_enough() -> None:
    assert told(values(a=71, b=90))["GPU utilisation"].state is State.HOLDS
    assert told(values(a=69, b=90))["GPU utilisation"].state is State.FAILS


@pytest.mark.parametrize("known", [{"a": 0.8}, {"a": 0.8, "b": float("nan")}])
def test_a_model_without_a_value_is_left_to_a_person(known: dict[str, float]) -> None:
    answer = told(values(**known))[FIRST]
    assert answer.state is State.BY_HAND
    assert answer.detail.startswith("a 0.8 s; no value for b; at most 5 s")
    assert "sglang:time_to_first_token_seconds_bucket" in answer.detail


def test_without_access_it_says_why_and_lists_the_query() -> None:
    def forbidden(expression: str) -> list[Sample]:
        raise UnreadError("(Forbidden): services is forbidden")

    answers = told(forbidden).values()
    assert {answer.state for answer in answers} == {State.BY_HAND}
    assert all("cannot be asked: (Forbidden)" in answer.detail for answer in answers)
    assert all("the stack has no Prometheus" in answer.detail for answer in told(None).values())


@pytest.mark.parametrize("version", SUPPORTED)
def test_each_release_has_every_figure(version: str) -> None:
    for figure in FIGURES:
        asked = measure(figure, [version, "0.5.17"], ThresholdSettings())
        assert "<" not in asked.expression
        assert asked.limit > 0


def test_the_api_server_forwards_with_a_get_and_nothing_else() -> None:
    asked: list[Sequence[str]] = []
    answer = {"status": "success", "data": {"result": [{"metric": {"model": "a"}, "value": [1, "2.5"]}]}}

    def run(command: Sequence[str]) -> tuple[int, str, str]:
        asked.append(command)
        return 0, json.dumps(answer), ""

    found = through_api_server(Kubectl(Path("k"), "c", run))("up == 1")
    assert found == [Sample({"model": "a"}, 2.5)]
    (command,) = asked
    assert command[:3] == ("kubectl", "get", "--raw")
    assert command[3] == (
        "/api/v1/namespaces/monitoring/services/kube-prometheus-stack-prometheus:9090/proxy/api/v1/query?query=up+%3D%3D+1"
    )


def test_a_refusal_is_told_in_the_servers_words() -> None:
    def run(command: Sequence[str]) -> tuple[int, str, str]:
        return (
            1,
            "",
            'Error from server (Forbidden): services "x:9090" is forbidden: User "u" cannot get "services/proxy"',
        )

    with pytest.raises(UnreadError, match="cannot get"):
        through_api_server(Kubectl(run=run))("up")
    with pytest.raises(UnreadError, match="parse error"):
        samples('{"status": "error", "error": "parse error"}')
    with pytest.raises(UnreadError, match="no answer of a Prometheus"):
        samples("<html>")


def test_nobody_listening_is_told() -> None:
    with pytest.raises(UnreadError, match="refused"):
        at_address("http://127.0.0.1:9")("up")


@pytest.mark.parametrize("url", ["localhost:9090", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a Prometheus"):
        at_address(url)


def test_the_documented_role_lets_it_ask_prometheus_and_no_other_service() -> None:
    role = yaml.safe_load((Path(__file__).parents[3] / "docs" / "runbooks" / "reader.yaml").read_text())
    (rule,) = [rule for rule in role["rules"] if "services/proxy" in rule["resources"]]
    address = urlsplit(PROMETHEUS_URL)
    assert rule["resourceNames"] == [f"{str(address.hostname).partition('.')[0]}:{address.port}"]
    assert rule["verbs"] == ["get"]
