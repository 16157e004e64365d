"""The real router with prefill and decode apart, in front of engines that only pretend."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.serving.router.plan import RouterPlan
from tests.contract.router import Answer, Engine, KubernetesApi, pod, running
from tests.unit.serving.builders import APART, apart, plan

pytest.importorskip("sglang_router.sglang_router_rs")

SET = "leaderworkerset.sigs.k8s.io/name"
RANK = "leaderworkerset.sigs.k8s.io/worker-index"
BOOTSTRAP = "sglang.ai/bootstrap-port"


@dataclass
class Phases:
    """Engines of both phases."""

    prefill: list[Engine]
    decode: list[Engine]

    @property
    def all(self) -> list[Engine]:
        return [*self.prefill, *self.decode]

    def urls(self) -> dict[str, Any]:
        """What tells a router of them."""
        return {"workers": [each.url for each in self.prefill], "decoders": [each.url for each in self.decode]}


@pytest.fixture
def engines() -> Iterator[Phases]:
    made = Phases([Engine("p0"), Engine("p1")], [Engine("d0"), Engine("d1")])
    yield made
    for engine in made.all:
        engine.close()


def routed(base: dict[str, Any] = APART, /, **router: Any) -> RouterPlan:
    planned = plan(base, router=router).router
    assert planned is not None
    return planned


def rooms(engines: list[Engine]) -> Counter[int]:
    """The rooms in which prefill and decode of a request were to meet, as these engines were told."""
    return Counter(asked["bootstrap_room"] for engine in engines for asked in engine.requests)


def test_a_request_reaches_one_prefill_and_one_decode_group(tmp_path: Path, engines: Phases) -> None:
    with running(routed(), tmp_path, **engines.urls()) as router:
        answers = [router.chat(f"request {number}") for number in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert {answer.engine for answer in answers} <= {"d0", "d1"}
    assert rooms(engines.prefill) == rooms(engines.decode)
    assert set(rooms(engines.prefill).values()) == {1}
    assert len(rooms(engines.prefill)) == 8


def test_decode_is_told_where_its_prefill_group_is(tmp_path: Path, engines: Phases) -> None:
    with running(routed(), tmp_path, **engines.urls()) as router:
        assert router.chat("hello").status == 200
    (asked,) = [asked for engine in engines.decode for asked in engine.requests]
    assert (asked["bootstrap_host"], asked["bootstrap_port"]) == ("127.0.0.1", 8998)


def test_each_phase_is_balanced_by_its_own_policy(tmp_path: Path, engines: Phases) -> None:
    with running(routed(prefillPolicy="round_robin", decodePolicy="manual"), tmp_path, **engines.urls()) as router:
        for number in range(8):
            router.chat(f"request {number}")
    assert [len(engine.requests) for engine in engines.prefill] == [4, 4]
    assert sum(len(engine.requests) for engine in engines.decode) == 8


def test_by_default_requests_go_where_fewer_are_under_way(tmp_path: Path, engines: Phases) -> None:
    with running(routed(), tmp_path, **engines.urls()) as router:
        answers = router.together(16, tokens=15)
    assert {answer.status for answer in answers} == {200}
    for phase in (engines.prefill, engines.decode):
        shares = [len(engine.requests) for engine in phase]
        assert abs(shares[0] - shares[1]) <= 4, shares


def test_a_shared_prefix_does_not_keep_to_one_prefill_group(tmp_path: Path, engines: Phases) -> None:
    """Why `cache_aware` is no default here and warned of."""
    prefix = "You are a patient librarian who answers in verse. " * 20
    with running(routed(prefillPolicy="cache_aware"), tmp_path, **engines.urls()) as router:
        for number in range(16):
            router.chat(f"{prefix}{number}")
    assert all(engine.requests for engine in engines.prefill)


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_a_dead_worker_is_taken_out(tmp_path: Path, engines: Phases, phase: str) -> None:
    settings = {
        "prefillPolicy": "round_robin",
        "decodePolicy": "round_robin",
        "circuitBreaker": {"failureThreshold": 2},
    }
    with running(routed(**settings), tmp_path, **engines.urls()) as router:
        assert {router.chat(str(number)).status for number in range(4)} == {200}
        dead, alive = getattr(engines, phase)
        dead.close()
        seen = len(alive.requests)
        answers = [router.chat(f"after {number}") for number in range(10)]
        assert {answer.status for answer in answers} == {200}
        assert len(alive.requests) - seen >= 10
        (state,) = [
            line.rpartition(" ")[2]
            for line in router.metrics().splitlines()
            if line.startswith("smg_worker_cb_state{") and f":{dead.port}" in line
        ]
    assert float(state) == 1.0


def test_a_stream_survives_the_end_of_its_router(tmp_path: Path, engines: Phases) -> None:
    answers: list[Answer] = []
    with running(routed(), tmp_path, **engines.urls()) as router:
        reader = threading.Thread(target=lambda: answers.append(router.chat("tell me", tokens=15, stream=True)))
        reader.start()
        time.sleep(0.5)
        router.process.terminate()
        reader.join()
        assert router.process.wait(10) == 0
    (answer,) = answers
    assert answer.body.count('"token"') == 15
    assert answer.body.endswith("data: [DONE]\n\n")


def test_leaders_of_both_phases_are_found_with_their_bootstrap_port(tmp_path: Path) -> None:
    """Discovery as in a cluster: pods have addresses of their own; other ranks, other models and unready pods get no
    request.
    """
    prefill = Engine("prefill", "127.0.0.1")
    decode = Engine("decode", "127.0.0.2", prefill.port)
    others = [
        Engine(name, address, prefill.port)
        for name, address in (("prefill-rank", "127.0.0.3"), ("decode-rank", "127.0.0.4"), ("other", "127.0.0.5"))
    ]
    note = {BOOTSTRAP: "9444"}
    api = KubernetesApi(
        [
            pod("r1-prefill-0", "127.0.0.1", {SET: "r1-prefill", RANK: "0"}, annotations=note),
            pod("r1-prefill-0-1", "127.0.0.3", {SET: "r1-prefill", RANK: "1"}, annotations=note),
            pod("r1-decode-0", "127.0.0.2", {SET: "r1-decode", RANK: "0"}),
            pod("r1-decode-0-1", "127.0.0.4", {SET: "r1-decode", RANK: "1"}),
            pod("qwen-0", "127.0.0.5", {SET: "qwen", RANK: "0"}),
            pod("r1-decode-1", "127.0.0.6", {SET: "r1-decode", RANK: "0"}, ready=False),
        ]
    )
    try:
        environment = {"KUBECONFIG": str(api.kubeconfig(tmp_path))}
        planned = routed(apart(bootstrapPort=9444))
        with running(planned, tmp_path, None, environment=environment, worker_port=prefill.port) as router:
            answers = [router.chat(str(number)) for number in range(6)]
    finally:
        for fake in (prefill, decode, *others, api):
            fake.close()
    assert {answer.engine for answer in answers} == {"decode"}
    assert rooms([prefill]) == rooms([decode])
    assert {(asked["bootstrap_host"], asked["bootstrap_port"]) for asked in decode.requests} == {("127.0.0.1", 9444)}
    assert all(not other.requests for other in others)
    assert set(api.asked) <= {(verb, "/api/v1/namespaces/inference/pods") for verb in ("list", "watch")}
