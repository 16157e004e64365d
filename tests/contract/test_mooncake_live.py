"""Mooncake itself: the master as its pod runs it, and clients with the variables that engines get."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from components.serving.mooncake.plan import FIRST_PORT, LAST_PORT, StorePlan
from tests.contract.mooncake import SEGMENT, Client, Master, clients, running
from tests.tools.python import environment
from tests.unit.serving.builders import QWEN_8B, plan

MOONCAKE = environment("mooncake")
pytestmark = [
    pytest.mark.skipif(MOONCAKE is None, reason="Mooncake is not installed in the cache (`make tools`)"),
    pytest.mark.skipif(sys.platform != "linux", reason="Mooncake's wheels are for Linux"),
]

PLANNED = plan(
    QWEN_8B, hierarchicalCache={"storage": {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 16}}}}
)
METRICS = ("master_total_capacity_bytes", "master_allocated_bytes", "master_key_count", "master_active_clients")


def store() -> StorePlan:
    assert PLANNED.store is not None
    return PLANNED.store


@pytest.fixture
def master() -> Iterator[Master]:
    assert MOONCAKE is not None
    with running(MOONCAKE, store()) as started:
        yield started


@pytest.fixture
def ranks(master: Master) -> Iterator[list[Client]]:
    """Two ranks: one gives memory, one does not."""
    assert MOONCAKE is not None
    with clients(MOONCAKE, PLANNED.front.environment, master, SEGMENT, 0) as made:
        assert [client.code for client in made] == [0, 0]
        yield made


def test_it_listens_where_the_service_and_prometheus_look(master: Master) -> None:
    assert '"status":"ok"' in master.ask("/health")
    assert {name: master.metric(name) for name in METRICS} == dict.fromkeys(METRICS, 0)


def test_what_one_rank_puts_another_gets(master: Master, ranks: list[Client]) -> None:
    gives, reads = ranks
    assert gives.ask("put", "page", "tokens") == "0"
    assert reads.ask("get", "page") == "tokens"
    assert reads.ask("put", "other", "more") == "0"
    assert gives.ask("get", "other") == "more"
    assert master.metric("master_total_capacity_bytes") == SEGMENT
    assert master.metric("master_key_count") == 2


def test_ranks_listen_on_the_ports_that_policies_open_and_no_others(ranks: list[Client]) -> None:
    assert all(len(client.ports()) == 2 for client in ranks)
    assert all(FIRST_PORT <= port <= LAST_PORT for client in ranks for port in client.ports())


def test_a_restarted_master_has_forgotten_the_pages_and_gets_its_memory_back(
    master: Master, ranks: list[Client]
) -> None:
    gives, reads = ranks
    assert gives.ask("put", "page", "tokens") == "0"
    master.kill()
    assert gives.ask("put", "lost", "tokens") != "0"
    master.start()
    assert _comes(lambda: master.metric("master_total_capacity_bytes") == SEGMENT)
    assert reads.ask("get", "page") == ""
    assert _comes(lambda: gives.ask("put", "again", "tokens") == "0")
    assert reads.ask("get", "again") == "tokens"


def _comes(true: object, seconds: float = 30) -> bool:
    """Whether something gets true within so many seconds."""
    assert callable(true)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.2)
    return False
