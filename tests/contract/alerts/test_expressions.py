"""Every expression parses, reads only what its table says, and every label that it uses exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from components.facts.engines import SUPPORTED, engine
from components.monitoring.alerts.catalogue import EVERY
from components.monitoring.alerts.exporters import ENGINE_LABELS, ROUTER_LABELS, SERIES, TARGET_LABELS, Exporter
from components.monitoring.alerts.model import Alert, fill
from components.monitoring.alerts.plan import AlertsPlan, expression_for, threshold_values
from components.monitoring.alerts.settings import ThresholdSettings
from tests.behaviour.server import prometheus
from tests.contract.alerts.stack import model, planned
from tests.contract.reader import Reader, Tree
from tests.tools import find

Parser = Callable[[str], Tree]
VALUES = {**threshold_values(ThresholdSettings()), "engines": "inference", "routers": "routers"}
VALUES |= {"model": "m1", "objective": "ttft", "budget": 0.05}
alerts = pytest.mark.parametrize("alert", EVERY, ids=lambda alert: alert.name)


@pytest.fixture(scope="module")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parser]:
    if find("prometheus") is None:
        pytest.skip("prometheus is not built (`make tools`)")
    with prometheus(tmp_path_factory.mktemp("prometheus")) as server:
        yield server.parse


def labels_of(series: str, version: str) -> frozenset[str] | None:
    """The labels of a series as Prometheus stores it; None for one that nobody exports."""
    for metric in engine(version).metrics.values():
        if series in metric.series:
            return frozenset({*metric.labels, *ENGINE_LABELS, *TARGET_LABELS, *_bucket(series)})
    for exporter, known in SERIES.items():
        if series in known:
            added = ROUTER_LABELS if exporter is Exporter.ROUTER else ()
            target = () if exporter is Exporter.PLAN else TARGET_LABELS
            return frozenset({*known[series], *added, *target})
    return None


def _bucket(series: str) -> tuple[str, ...]:
    return ("le",) if series.endswith("_bucket") else ()


def read(parse: Parser, alert: Alert, version: str) -> tuple[Reader, frozenset[str]]:
    """What an alert's expression reads in that release, and the labels of its result."""
    reader = Reader(lambda series: labels_of(series, version))
    return reader, reader.labels(parse(fill(expression_for(alert, [version]), VALUES)))


@pytest.mark.parametrize("version", SUPPORTED)
@alerts
def test_it_reads_what_the_release_exports(parse: Parser, alert: Alert, version: str) -> None:
    reader, labels = read(parse, alert, version)
    assert reader.faults == []
    assert labels == set(alert.labels)
    assert reader.metrics in (set(alert.metrics), set(alert.older[1]) if alert.older else set())


@alerts
def test_its_exporters_export_what_it_reads(alert: Alert) -> None:
    def owner(metric: str) -> Exporter:
        found = [exporter for exporter, series in SERIES.items() if metric in series]
        return found[0] if found else Exporter.ENGINE

    owners, named = {owner(metric) for metric in alert.metrics}, set(alert.exporters)
    assert owners <= named
    # What watches an exporter names it and reads nothing of it.
    assert owners == named or "up" in alert.metrics


def test_an_expression_for_several_releases_parses(parse: Parser) -> None:
    for alert in EVERY:
        assert parse(fill(expression_for(alert, SUPPORTED), VALUES))


def test_what_the_plan_records_has_the_labels_that_alerts_rely_on(parse: Parser) -> None:
    for record in records(planned(model("0.5.8"), model("0.5.8", "m2", routed=False))):
        reader = Reader(lambda series: labels_of(series, "0.5.8"))
        labels = reader.labels(parse(record["expr"])) | set(record.get("labels", {}))
        assert reader.faults == []
        assert labels == set(SERIES[Exporter.PLAN][record["record"]])


def records(plan: AlertsPlan) -> list[dict[str, str]]:
    return [rule for rules in plan.objects for group in rules.groups for rule in group["rules"] if "record" in rule]


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("sum by (model) (sglang:num_queue_requests)", "nothing exports sglang:num_queue_requests"),
        ("sum by (modell) (sglang:num_queue_reqs)", "groups by modell, which is not there"),
        ('sglang:num_queue_reqs{rnak="0"}', "sglang:num_queue_reqs is selected by rnak, which is not there"),
        (
            "sglang:num_queue_reqs * on (node) group_left () kube_node_spec_unschedulable",
            "* matches on node, which is not there",
        ),
        ("histogram_quantile(0.5, sum by (model) (sglang:queue_time_seconds_bucket))", "histogram_quantile needs le"),
    ],
)
def test_the_reader_sees_what_does_not_exist(parse: Parser, expression: str, fault: str) -> None:
    reader, _ = read(parse, replace(EVERY[0], expression=expression, metrics=()), "0.5.17")
    assert any(found.startswith(fault) for found in reader.faults), reader.faults
