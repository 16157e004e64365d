"""Every value that the program sets is one that the chart knows, and has the form that the chart expects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.facts import pins
from tests.contract.charts import Case, cases
from tests.contract.shared import kubernetes_faults, schema_faults, shared, strict_schema

KUBERNETES = "1.34"
CASES = list(cases())
CHARTS = json.loads((Path(__file__).parent / "data" / "chart-keys.json").read_text())
"""Keys of the charts whose defaults the shared folder lacks, to the depth to which they are set here."""
SUBCHARTS = json.loads((Path(__file__).parent / "data" / "subchart-keys.json").read_text())


KUBERNETES_PARTS = frozenset(
    {"affinity", "nodeSelector", "podSecurityContext", "resources", "securityContext", "tolerations"}
)
"""Values that a chart copies as they are into a pod: what may be in them is Kubernetes' affair."""

READ_BY_TEMPLATES = {
    "persistence.storageClassName": "tempo templates/statefulset.yaml",
    "ports.span-metrics": "opentelemetry-collector templates: each port that is named",
    "loki.limits_config.allow_structured_metadata": "Loki's own configuration, copied as it is",
    "loki.limits_config.retention_period": "Loki's own configuration, copied as it is",
    "loki.storage.bucketNames": "loki templates/_helpers.tpl and validate.yaml",
    "grafana.persistence.storageClassName": "grafana templates/pvc.yaml",
    "updateStrategy.rollingUpdate": "fluent-bit templates/daemonset.yaml copies updateStrategy as it is",
    "grafana.grafana.ini.analytics.reporting_enabled": "Grafana's own configuration file, copied as it is",
    "prometheus-node-exporter.priorityClassName": "prometheus-node-exporter templates/daemonset.yaml",
}
"""Values that a chart reads and has no default for, with where it does."""


def known_values(case: Case) -> dict[str, Any]:
    """The chart's defaults, with those of its subcharts beneath their names."""
    if case.chart.name in CHARTS:
        return CHARTS[case.chart.name]["keys"]
    defaults = yaml.safe_load(shared(f"charts/{case.defaults_file}").read_text())
    return {name: merged(SUBCHARTS[name]["keys"], own) if name in SUBCHARTS else own for name, own in defaults.items()}


def merged(keys: Mapping[str, Any], own: Any) -> Any:
    """A subchart's keys with what the chart above it says of them."""
    if not isinstance(own, Mapping):
        return own
    return {**keys, **{key: merged(keys.get(key) or {}, value) for key, value in own.items()}}


def unknown(values: Mapping[str, Any], known: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Paths of `values` that `known` does not have. Below an empty mapping or a scalar anything goes."""
    for key, value in values.items():
        path = f"{at}.{key}" if at else key
        if key not in known:
            yield path
        elif is_part(key, value):
            continue
        elif isinstance(value, Mapping) and isinstance(known[key], Mapping) and known[key]:
            yield from unknown(value, known[key], path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_key_is_known_to_the_chart(case: Case) -> None:
    assert set(unknown(case.values, known_values(case))) <= set(READ_BY_TEMPLATES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_copied_into_a_pod_is_what_kubernetes_takes(case: Case) -> None:
    pods = {path: pod_with(path.rpartition(".")[2], part) for path, part in kubernetes_parts(case.values)}
    faults = {path: kubernetes_faults(pod, KUBERNETES) for path, pod in pods.items()}
    assert {path: found for path, found in faults.items() if found} == {}


def is_part(key: str, value: Any) -> bool:
    """Whether a value goes into a pod as it is; KEDA has one `resources` per Deployment, a level deeper."""
    return key in KUBERNETES_PARTS and not (isinstance(value, Mapping) and "operator" in value)


def kubernetes_parts(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """The values that go into a pod, with their paths."""
    for key, value in values.items():
        path = f"{at}.{key}" if at else key
        if is_part(key, value):
            yield path, value
        elif isinstance(value, Mapping):
            yield from kubernetes_parts(value, path)


def pod_with(key: str, part: Any) -> dict[str, Any]:
    """A pod that has `part` where the charts put it."""
    container: dict[str, Any] = {"name": "c", "image": "i"}
    spec: dict[str, Any] = {"containers": [container]}
    match key:
        case "resources":
            container["resources"] = {name: quantities(amounts) for name, amounts in part.items()}
        case "securityContext":
            container["securityContext"] = part
        case "podSecurityContext":
            spec["securityContext"] = part
        case _:
            spec[key] = part
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def quantities(amounts: Mapping[str, Any]) -> dict[str, Any]:
    """Without the amounts that are null: Helm takes them as "no default either"."""
    return {name: amount for name, amount in amounts.items() if amount is not None}


def test_a_misspelt_key_would_be_found() -> None:
    case = next(case for case in CASES if case.name == "monitoring-whole")
    wrong = {"grafana": {"persistance": {}}, "prometheus": {"prometheusSpec": {"retentionsize": "1GB"}}}
    assert list(unknown(wrong, known_values(case))) == [
        "grafana.persistance",
        "prometheus.prometheusSpec.retentionsize",
    ]


def test_a_scalar_stays_a_scalar_and_a_list_a_list() -> None:
    def kind(value: Any) -> str:
        return type(value).__name__ if isinstance(value, bool | dict | list) else "scalar"

    def clashes(values: Mapping[str, Any], known: Mapping[str, Any], at: str) -> Iterator[str]:
        for key, value in values.items():
            default = known.get(key)
            if default is None or value is None:
                continue
            if kind(value) != kind(default):
                yield f"{at}.{key}: {kind(value)} for {kind(default)}"
            elif isinstance(value, Mapping):
                yield from clashes(value, default, f"{at}.{key}")

    assert [clash for case in CASES for clash in clashes(case.values, known_values(case), case.name)] == []


def test_the_efa_types_and_tolerations_replace_the_charts_lists() -> None:
    case = next(case for case in CASES if case.name == "efa")
    known = known_values(case)
    assert isinstance(known["supportedInstanceLabels"]["values"], list)
    assert isinstance(known["tolerations"], list)
    assert case.values["supportedInstanceLabels"]["values"] == ["ml.p5.48xlarge"]


def test_the_subcharts_keys_are_those_of_the_pinned_charts() -> None:
    assert {name: SUBCHARTS[name]["version"] for name in SUBCHARTS} == {
        "grafana": "12.11.1",
        "kube-state-metrics": "8.4.0",
        "prometheus-node-exporter": "4.56.1",
        "node-feature-discovery": "0.19.0",
    }


def test_the_charts_keys_are_those_of_the_pinned_charts() -> None:
    pinned = {chart.name: chart.version for chart in pins.CHARTS}
    assert {name: CHARTS[name]["version"] for name in CHARTS} == {name: pinned[name] for name in CHARTS}


PROMETHEUS_FIELDS = {"storageSpec": "storage"}
"""Fields of `prometheusSpec` that the Prometheus resource calls otherwise."""


def test_what_becomes_the_prometheus_resource_fits_its_schema() -> None:
    values = next(case for case in CASES if case.name == "monitoring-whole").values
    given = values["prometheus"]["prometheusSpec"]
    spec = {PROMETHEUS_FIELDS.get(name, name): value for name, value in given.items() if "NilUsesHelm" not in name}
    assert schema_faults(spec, strict_schema("monitoring.coreos.com_Prometheus", "spec")) == []
