"""Spans through the real collector: which traces are kept, and the metrics that are made of all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests import tools
from tests.behaviour.server import prometheus
from tests.behaviour.spans import DECISION_SECONDS, Collector, Kept, collecting, receiving, span

FAST, FAILED, SLOW, REFUSED, PROBE = (f"{number:032x}" for number in range(1, 6))


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A collector, and what it kept."""

    collector: Collector
    kept: Kept
    folder: Path


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    if tools.find("collector") is None:
        pytest.skip("behaviour tier: `make tools` has not made collector")
    with receiving() as (kept, port), collecting(tmp_path, port) as collector:
        yield Telemetry(collector, kept, tmp_path)


def router(status: str, uri: str = "/v1/chat/completions") -> dict[str, str]:
    """Attributes of a router's span, as release 0.3.2 sends them."""
    return {"method": "POST", "uri": uri, "module": "smg", "request_id": f"chatcmpl-{status}", "status_code": status}


def send_a_day(collector: Collector) -> None:
    """One request of each kind: fast, failed in the engine, slow, refused by the router; and a probe."""
    for trace, seconds, failed in ((FAST, 0.2, False), (FAILED, 0.2, True), (SLOW, 40, False)):
        rid = {"rid": f"rid-{trace[-1]}", "module": "sglang::"}
        collector.send(span(trace, "http_request", seconds=seconds, attributes=router("200")), of="smg")
        collector.send(
            span(trace, f" Req {trace[-8:]}", number=2, parent=1, seconds=seconds, attributes=rid, failed=failed)
        )
    collector.send(span(REFUSED, "http_request", attributes=router("503")), of="smg")
    collector.send(span(PROBE, "http_request", seconds=60, attributes=router("503", "/readiness")), of="smg")


def test_failed_slow_and_refused_requests_are_kept_whole_and_nothing_else(telemetry: Telemetry) -> None:
    send_a_day(telemetry.collector)
    telemetry.kept.wait(FAILED, SLOW, REFUSED)
    time.sleep(DECISION_SECONDS)
    assert set(telemetry.kept.traces) == {FAILED, SLOW, REFUSED}
    assert telemetry.kept.names(FAILED) == {"http_request", " Req"}
    (engine,) = [kept for kept in telemetry.kept.traces[FAILED] if kept.name == " Req"]
    assert {item.key: item.value.string_value for item in engine.attributes}["rid"] == "rid-2"


def test_prometheus_has_metrics_of_all_spans_with_a_trace_for_each(telemetry: Telemetry) -> None:
    folder = telemetry.folder / "prometheus"
    folder.mkdir()
    target = {"targets": [f"127.0.0.1:{telemetry.collector.metrics_port}"]}
    with prometheus(folder, static=[target], features=("exemplar-storage",)) as server:
        wait_until(lambda: server.query("up == 1"))
        send_a_day(telemetry.collector)
        requests = 'sum(traces_span_metrics_duration_milliseconds_count{service_name="smg"}) == 4'
        wait_until(lambda: server.query(requests))
        now = time.time()
        asked = {"query": "traces_span_metrics_duration_milliseconds_bucket"}
        asked |= {"start": f"{now - 300:.0f}", "end": f"{now + 60:.0f}"}
        found = wait_until(lambda: server.api("query_exemplars", asked))
    names = {series["seriesLabels"]["span_name"] for series in found}
    assert names == {"http_request", " Req"}
    traces = {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}
    assert {SLOW} <= traces <= {FAST, FAILED, SLOW, REFUSED}


def wait_until(ask: Callable[[], Answer], seconds: float = 30) -> Answer:
    """What `ask` answers, once that is something."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return answer
