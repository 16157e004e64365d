"""The real router, with the arguments that the program writes, in front of engines that only pretend."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.alerts.objectives import NO_GROUP
from components.serving.router.plan import RouterPlan
from infra.doctor.logs import CIRCUIT_OPEN, line_with
from tests.contract.router import Answer, Engine, KubernetesApi, RunningRouter, pod, running
from tests.unit.serving.builders import QWEN_8B, plan

pytest.importorskip("sglang_router.sglang_router_rs")

KEY = "sesame-7041"
SET = "leaderworkerset.sigs.k8s.io/name"
RANK = "leaderworkerset.sigs.k8s.io/worker-index"


def routed(**router: Any) -> RouterPlan:
    """The router of a planned model."""
    planned = plan(QWEN_8B, instance_type="g6e.xlarge", replicas=2, router=router).router
    assert planned is not None
    return planned


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    made = [Engine("a"), Engine("b")]
    yield made
    for engine in made:
        engine.close()


def urls(engines: list[Engine]) -> list[str]:
    return [engine.url for engine in engines]


def test_requests_are_served_and_spread_and_follow_their_prefix(tmp_path: Path, engines: list[Engine]) -> None:
    with running(routed(), tmp_path, urls(engines)) as router:
        strangers = router.together(12, tokens=10)
        assert {answer.status for answer in strangers} == {200}
        shares = Counter(answer.engine for answer in strangers)
        assert abs(shares["a"] - shares["b"]) <= 4
        prefix = "You are a patient librarian who answers in verse. " * 20
        friends = [router.chat(f"{prefix}{number}") for number in range(8)]
        assert len({answer.engine for answer in friends}) == 1


def test_the_chosen_policy_routes_and_a_dead_worker_is_taken_out(tmp_path: Path, engines: list[Engine]) -> None:
    settings = {"policy": "round_robin", "circuitBreaker": {"failureThreshold": 2}}
    alive, dead = engines
    with running(routed(**settings), tmp_path, urls(engines)) as router:
        # The router answers as soon as it knows one of them.
        answered = (router.chat("the same words each time").engine for _ in range(100))
        assert dead.name in answered
        before = Counter(router.chat("the same words each time").engine for _ in range(6))
        assert before == {"a": 3, "b": 3}
        dead.close()
        answers = [router.chat(str(number)) for number in range(12)]
        assert {(answer.status, answer.engine) for answer in answers} == {(200, alive.name)}
        assert state_of(router, dead) == 1.0
        assert state_of(router, alive) == 0.0
        assert line_with(CIRCUIT_OPEN, router.log.read_text()), "`doctor` knows it by this line"


def state_of(router: RunningRouter, engine: Engine) -> float:
    """State of an engine's circuit breaker: 0 closed, 1 open, 2 on trial."""
    (line,) = [
        line
        for line in router.metrics().splitlines()
        if line.startswith("smg_worker_cb_state{") and f":{engine.port}" in line
    ]
    return float(line.rpartition(" ")[2])


def test_a_stream_survives_the_end_of_its_router(tmp_path: Path, engines: list[Engine]) -> None:
    answers: list[Answer] = []
    with running(routed(), tmp_path, urls(engines)) as router:
        reader = threading.Thread(target=lambda: answers.append(router.chat("tell me", tokens=15, stream=True)))
        reader.start()
        time.sleep(0.5)
        router.process.terminate()
        reader.join()
        assert router.process.wait(10) == 0
    (answer,) = answers
    assert answer.body.count('"token"') == 15
    assert answer.body.endswith("data: [DONE]\n\n")


def test_clients_need_the_key_and_probes_do_not(tmp_path: Path, engines: list[Engine]) -> None:
    with running(routed(apiKeySecret="clients"), tmp_path, urls(engines), key=KEY) as router:
        assert router.chat("hello").status == 200
        assert router.chat("hello", key="guess").status == 401
        assert router.get("/workers").status == 401
        assert [router.get(path).status for path in ("/liveness", "/readiness")] == [200, 200]
        arguments = Path(f"/proc/{router.process.pid}/cmdline").read_bytes()
        log = router.log.read_text()
    assert KEY.encode() not in arguments
    assert KEY not in log


def test_what_is_over_the_limit_gets_429_at_once(tmp_path: Path, engines: list[Engine]) -> None:
    with running(routed(limits={"maxConcurrentRequests": 2}), tmp_path, urls(engines)) as router:
        answers = Counter(answer.status for answer in router.together(10, tokens=10))
    assert set(answers) == {200, 429}
    assert answers[429] >= 2


def test_the_queue_turns_away_with_408_long_before_its_timeout(tmp_path: Path, engines: list[Engine]) -> None:
    """Why a queue is off by default and warned of."""
    limits = {"maxConcurrentRequests": 2, "queueSize": 50, "queueTimeoutSeconds": 60}
    with running(routed(limits=limits), tmp_path, urls(engines)) as router:
        answers = Counter(answer.status for answer in router.together(10, tokens=20))
    assert set(answers) == {200, 408}


def test_ranks_0_of_the_model_are_found_and_nobody_else(tmp_path: Path) -> None:
    """Discovery as in a cluster: pods have addresses of their own, and the API is asked for what the Role allows."""
    leader = Engine("leader", "127.0.0.1")
    others = [Engine(name, address, leader.port) for name, address in (("worker", "127.0.0.2"), ("other", "127.0.0.3"))]
    api = KubernetesApi(
        [
            pod("qwen-0", "127.0.0.1", {SET: "qwen", RANK: "0"}),
            pod("qwen-0-1", "127.0.0.2", {SET: "qwen", RANK: "1"}),
            pod("r1-0", "127.0.0.3", {SET: "r1", RANK: "0"}),
            pod("qwen-1", "127.0.0.4", {SET: "qwen", RANK: "0"}, ready=False),
        ]
    )
    try:
        environment = {"KUBECONFIG": str(api.kubeconfig(tmp_path))}
        with running(routed(), tmp_path, None, environment=environment, worker_port=leader.port) as router:
            answers = [router.chat(str(number)) for number in range(6)]
    finally:
        for fake in (leader, *others, api):
            fake.close()
    assert {answer.engine for answer in answers} == {"leader"}
    assert all(not other.requests for other in others)
    assert set(api.asked) <= {(verb, "/api/v1/namespaces/inference/pods") for verb in ("list", "watch")}


def test_a_router_without_a_group_runs_and_says_so(tmp_path: Path) -> None:
    """What a model without a group has: alive, ready by the probe of such models, and every request is refused."""
    planned = plan(
        QWEN_8B, instance_type="g6e.xlarge", router={}, autoscaling={"minReplicas": 0, "maxReplicas": 2}
    ).router
    assert planned is not None
    api = KubernetesApi([])
    try:
        environment = {"KUBECONFIG": str(api.kubeconfig(tmp_path))}
        with running(planned, tmp_path, None, environment=environment, ready=planned.ready_path) as router:
            assert router.get("/readiness").status == 503
            answer = router.chat("anybody there?")
            assert answer.status == 503
            metrics = router.metrics()
    finally:
        api.close()
    assert f'smg_http_responses_total{{status_code="503",error_code="{NO_GROUP}"}}' in metrics
