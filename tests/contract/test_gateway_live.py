"""LiteLLM's own proxy, with the configuration that the program writes, in front of engines that only pretend."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from components.gateway.plan import plan_gateway
from components.gateway.settings import GatewaySettings
from components.serving.autoscaling.queries import REQUESTS
from tests.contract.gateway import TOKENS, Answer, Engine, RunningGateway, before, running
from tests.tools.python import environment
from tests.unit.serving.builders import QWEN_8B, R1, plan

LITELLM = environment("litellm")
pytestmark = pytest.mark.skipif(LITELLM is None, reason="LiteLLM is not installed in the cache (`make tools`)")

ANY, SLOW, NARROW, SINGLE = "sk-any-7041", "sk-slow-7041", "sk-narrow-7041", "sk-single-7041"
POOR, THRIFTY = "sk-poor-7041", "sk-thrifty-7041"
COST = TOKENS / 1e6 + 4 * TOKENS / 1e6
"""Dollars of one answer by the prices below."""
SETTINGS = {
    "replicas": 2,
    "keys": [
        {"name": "any", "secret": "any"},
        {"name": "slow", "secret": "slow", "requestsPerMinute": 4},
        {"name": "narrow", "secret": "narrow", "models": ["qwen"]},
        {"name": "single", "secret": "single", "concurrentRequests": 2},
        {"name": "poor", "secret": "poor", "budgets": {"qwen": {"dollars": 3 * COST}}},
        {"name": "thrifty", "secret": "thrifty", "budgets": {"r1": {"dollars": COST, "fallbacks": ["qwen"]}}},
    ],
    "prices": {name: {"inputDollarsPerMillion": 1, "outputDollarsPerMillion": 4} for name in ("r1", "qwen")},
    "routes": {
        "degrading": {"to": {"broken": 1}, "fallbacks": ["qwen"]},
        "capped": {"to": {"qwen": 1}, "budget": {"dollars": 3 * COST}},
        "cheaper": {"to": {"r1": 1}, "budget": {"dollars": COST}, "fallbacks": ["qwen"]},
        "mix": {"to": {"r1": 75, "qwen": 25}},
        "auto": {"byComplexity": {"simple": "qwen", "medium": "qwen", "complex": "r1", "reasoning": "r1"}},
    },
}
SECRETS = {
    "any": ANY,
    "slow": SLOW,
    "narrow": NARROW,
    "single": SINGLE,
    "poor": POOR,
    "thrifty": THRIFTY,
    "r1Key": "engine-key-7041",
}


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Engine]]:
    made = {"r1": Engine("r1"), "qwen": Engine("qwen"), "broken": Engine("broken"), "late": Engine("late", seconds=2)}
    made["broken"].fails = True
    yield made
    for engine in made.values():
        engine.server.close()


@pytest.fixture(scope="module")
def gateway(engines: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    models = [
        plan(R1, apiKeySecret="r1Key"),
        *(plan({**QWEN_8B, "name": name}, instance_type="g6e.xlarge") for name in ("qwen", "broken", "late")),
    ]
    planned = before(plan_gateway(GatewaySettings.model_validate(SETTINGS), models), engines)
    assert LITELLM is not None
    with running(LITELLM, planned, tmp_path_factory.mktemp("gateway"), SECRETS) as started:
        yield started


def test_the_field_model_decides_who_answers(gateway: RunningGateway) -> None:
    assert gateway.chat("r1", ANY).engine == "r1"
    assert gateway.chat("qwen", ANY).engine == "qwen"
    assert gateway.chat("gpt-5", ANY).status in (400, 404)


def test_a_failing_model_falls_back_to_another(gateway: RunningGateway) -> None:
    answers = [gateway.chat("degrading", ANY) for _ in range(3)]
    assert [(answer.status, answer.engine) for answer in answers] == [(200, "qwen")] * 3
    assert gateway.chat("broken", ANY).status >= 500


def test_weights_split_requests(gateway: RunningGateway) -> None:
    drawn = Counter(gateway.chat("mix", ANY).engine for _ in range(80))
    # Four standard deviations around 60.
    assert 44 <= drawn["r1"] <= 76
    assert drawn["qwen"] == 80 - drawn["r1"]


def test_over_its_rate_a_key_is_told_when_to_come_back(gateway: RunningGateway) -> None:
    """Four a minute over two replicas are two at this one."""
    answers = [gateway.chat("qwen", SLOW) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert gateway.chat("qwen", ANY).status == 200


def test_over_its_concurrency_a_key_is_told_when_to_come_back(gateway: RunningGateway) -> None:
    answers = gateway.together(4, "late", SINGLE)
    assert Counter(answer.status for answer in answers) == {200: 1, 429: 3}
    refused: list[Answer] = [answer for answer in answers if answer.status == 429]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def spend(gateway: RunningGateway, name: str, key: str) -> list[Answer]:
    """Eight requests, each once the one before it has been counted."""
    answers = []
    for _ in range(8):
        answers.append(gateway.chat(name, key))
        time.sleep(0.5)
    return answers


def test_a_key_that_has_spent_its_budget_is_refused(gateway: RunningGateway) -> None:
    """Dollars for three answers over two replicas are spent by the second here; other keys and names have theirs."""
    answers = spend(gateway, "qwen", POOR)
    statuses = [answer.status for answer in answers]
    # A gateway counts once it has answered, and on a busy machine a request or two later.
    assert statuses[:2] == [200, 200]
    assert statuses[4:] == [429] * 4
    assert "exceeded budget for model=qwen" in answers[-1].body
    assert "retry-after" not in answers[-1].headers
    assert gateway.chat("qwen", ANY).status == 200
    assert gateway.chat("r1", POOR).status == 200


def test_a_budget_of_a_key_is_asked_for_the_name_in_the_request_alone(gateway: RunningGateway) -> None:
    """What the rule gateway.budget-around warns of."""
    spend(gateway, "qwen", POOR)
    assert gateway.chat("auto", POOR, "hello").engine == "qwen"


def test_a_key_gets_something_cheaper_once_its_budget_is_spent(gateway: RunningGateway) -> None:
    answers = spend(gateway, "r1", THRIFTY)
    assert answers[0].engine == "r1"
    assert {answer.engine for answer in answers[3:]} == {"qwen"}


def test_a_name_that_has_spent_its_budget_is_refused_or_falls_back(gateway: RunningGateway) -> None:
    answers = spend(gateway, "capped", ANY)
    assert answers[0].status == 200
    assert {answer.status for answer in answers[4:]} == {429}
    assert "crossed budget" in answers[-1].body
    assert "retry-after" not in answers[-1].headers
    falling = spend(gateway, "cheaper", ANY)
    assert falling[0].engine == "r1"
    assert {answer.engine for answer in falling[3:]} == {"qwen"}
    assert gateway.chat("qwen", ANY).status == 200


def test_a_key_opens_its_models_alone(gateway: RunningGateway) -> None:
    assert gateway.chat("qwen", NARROW).status == 200
    assert gateway.chat("r1", NARROW).status in (401, 403)
    assert gateway.chat("qwen", "sk-guess").status == 401
    assert gateway.chat("qwen", None).status == 401


def test_an_engine_gets_its_own_key_and_never_a_clients(gateway: RunningGateway, engines: dict[str, Engine]) -> None:
    gateway.chat("r1", ANY)
    gateway.chat("qwen", ANY)
    assert engines["r1"].keys == {"Bearer engine-key-7041"}
    assert engines["qwen"].keys == {"Bearer none"}


def test_hard_prompts_go_to_the_large_model(gateway: RunningGateway) -> None:
    hard = (
        "Think step by step and reason through this proof: first derive the algorithm's time complexity, then analyze "
        "the distributed consensus protocol, and finally implement the function in Python with a class and tests."
    )
    assert gateway.chat("auto", ANY, "hello").engine == "qwen"
    assert gateway.chat("auto", ANY, hard).engine == "r1"


def test_streams_pass_through(gateway: RunningGateway) -> None:
    answer = gateway.chat("qwen", ANY, stream=True)
    assert all(f"token{number}" in answer.body for number in range(5))
    assert answer.body.rstrip().endswith("data: [DONE]")


def test_no_client_administers_it(gateway: RunningGateway) -> None:
    refused = gateway.post("/key/generate", {}, ANY)
    assert refused.status in (401, 403)
    assert "Only proxy admin" in refused.body
    assert all(gateway.post(path, {}, ANY).status >= 400 for path in ("/model/new", "/config/update"))
    assert gateway.get("/model/info").status == 401


def test_prometheus_reads_it_without_a_key(gateway: RunningGateway) -> None:
    gateway.chat("qwen", ANY)
    text = gateway.get("/metrics").body
    assert 'litellm_proxy_total_requests_metric_total{api_key_alias="any"' in text


def test_requests_are_counted_by_the_model_that_was_meant(gateway: RunningGateway, engines: dict[str, Engine]) -> None:
    """What brings a model's first group: its requests count while it fails, with and without one in its place."""

    def counted() -> float:
        lines = [line for line in gateway.get("/metrics").body.splitlines() if line.startswith(f"{REQUESTS}{{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines if f'api_base="{engines["broken"].url}"' in line)

    before = counted()
    assert [gateway.chat("degrading", ANY).engine for _ in range(3)] == ["qwen"] * 3
    assert gateway.chat("broken", ANY).status >= 500
    time.sleep(1)
    assert counted() == before + 4


def test_its_log_holds_no_key_and_no_prompt(gateway: RunningGateway) -> None:
    gateway.chat("qwen", ANY, "the crown jewels")
    log = gateway.log.read_text()
    assert "7041" not in log
    assert "crown jewels" not in log
