"""The played stack is what a real one would be, and Prometheus sees the same of it live and in its history."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.behaviour.conftest import History
from tests.behaviour.exporter import exporting
from tests.behaviour.server import PATIENCE, Prometheus, prometheus
from tests.behaviour.shorten import duration, expression, shorten
from tests.behaviour.world import LOAD, OUTAGE, RECOVERY, World
from tests.behaviour.world.shapes import UnknownSeriesError, engine_check
from tests.behaviour.world.target import Target

RULES = [
    {
        "name": "example",
        "interval": "15s",
        "rules": [
            {"alert": "KvCacheFull", "expr": "max by (model) (sglang:token_usage) > 0.95", "for": "2m"},
            {"alert": "RankGone", "expr": 'count by (lws) (up{lws="deepseek-r1-decode"}) < 4', "for": "1m"},
            {
                "record": "model:ttft:p95",
                "expr": "histogram_quantile(0.95, sum by (model, le) (rate("
                "sglang:time_to_first_token_seconds_bucket[1m])))",
            },
        ],
    }
]


def test_a_series_that_no_exporter_has_cannot_be_played() -> None:
    target = Target({}, check=engine_check("0.5.17"))
    with pytest.raises(UnknownSeriesError, match="has no sglang:running_requests"):
        target.gauge("sglang:running_requests", 1, model_name="a")
    with pytest.raises(UnknownSeriesError, match="num_aborted_requests_total is a counter"):
        target.gauge("sglang:num_aborted_requests_total", 1, model_name="a")
    with pytest.raises(UnknownSeriesError, match="with labels"):
        target.count("sglang:num_requests_total", 1, model_name="a", flavour="b")


def test_the_history_has_load_outage_and_recovery(history: History) -> None:
    def usage(phase: str) -> float:
        _, end = history.phases[phase]
        (series,) = history.prometheus.query('max(sglang:token_usage{model="qwen3-30b"})', end)
        return series.value

    assert usage("load") < 0.7
    assert usage("outage") > 0.95
    assert usage("recovery") < 0.7


def test_a_rate_is_what_was_played(history: History) -> None:
    _, end = history.phases["load"]
    query = 'sum(rate(sglang:num_requests_total{model="qwen3-30b"}[5m]))'
    (series,) = history.prometheus.query(query, end)
    assert series.value == pytest.approx(LOAD.requests_per_second, rel=0.01)


def test_an_alert_would_fire_in_the_outage_only(history: History) -> None:
    start, end = history.span
    fired = history.prometheus.firing("max by (model) (sglang:token_usage) > 0.95", start, end, hold=120)
    outage = history.phases["outage"]
    assert {series.labels["model"] for series in fired} == {"qwen3-30b", "deepseek-r1"}
    for series in fired:
        assert all(outage[0] + 120 <= moment <= outage[1] + 60 for moment, _ in series.points)


def test_rules_fire_and_clear_while_prometheus_scrapes(tmp_path: Path) -> None:
    with (
        exporting(World()) as exporter,
        prometheus(tmp_path, rules=shorten(RULES), discovery=exporter.discovery) as server,
    ):
        exporter.play(OUTAGE)
        alert = server.wait_for_alert("KvCacheFull")
        assert alert is not None
        assert alert["labels"]["model"] in {"qwen3-30b", "deepseek-r1"}
        server.wait_for_alert("RankGone")
        assert server.wait("model:ttft:p95")
        exporter.play(RECOVERY)
        server.wait_for_alert("KvCacheFull", state=None)
        server.wait_for_alert("RankGone", state=None)


def test_a_scrape_gives_the_same_labels_as_the_history(history: History, tmp_path: Path) -> None:
    names = ("sglang:token_usage", "DCGM_FI_DEV_GPU_UTIL", "kube_pod_info", "smg_worker_health", "keda_scaler_active")
    _, end = history.phases["load"]
    with exporting(World()) as exporter, prometheus(tmp_path, discovery=exporter.discovery) as server:
        for name in names:
            wanted = label_sets(history.prometheus, name, end)
            deadline = time.monotonic() + PATIENCE
            while (found := label_sets(server, name)) != wanted and time.monotonic() < deadline:
                time.sleep(0.5)
            assert found == wanted


def label_sets(server: Prometheus, name: str, at: float | None = None) -> list[list[tuple[str, str]]]:
    return sorted(sorted(series.labels.items()) for series in server.query(name, at))


def test_durations_are_shortened() -> None:
    assert (duration("10m"), duration("1h30m"), duration("0s")) == ("10000ms", "90000ms", "0s")
    text = 'sum(rate(a{b="5m"}[5m] offset 1h)) / max_over_time(c[1d:5m]) > 300'
    assert expression(text) == 'sum(rate(a{b="5m"}[5000ms] offset 60000ms)) / max_over_time(c[1440000ms:5000ms]) > 300'
