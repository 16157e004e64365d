"""Queries ask for metrics that the pinned engines export."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from components.facts.engines import SUPPORTED, engine
from components.rules import Finding
from infra.policy.check import CheckSet, Found
from infra.policy.resource import Stack
from infra.policy.values import at, items, mapping, text

queries = CheckSet()

POD_MONITOR: Final = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
QUERYING: Final = frozenset(
    {
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        "kubernetes:core/v1:ConfigMap",
    }
)
"""What holds PromQL: rules, scalers, and the dashboards in ConfigMaps."""

_METRIC: Final = re.compile(r"(?<![\w:])sglang:\w+")
_DASHBOARD: Final = "metadata.labels.grafana_dashboard"


@queries.check("queries.metric", source="components/facts/engines/metrics-*.json: the collectors of each release")
def queries_ask_for_metrics_that_are_there(stack: Stack) -> Iterator[Found]:
    """Each engine metric in a query is exported by a release that the stack runs."""
    versions = sorted({version for monitor in stack.of_type(POD_MONITOR) for version in _versions(monitor.props)})
    exported = frozenset[str]().union(*(engine(version).series for version in versions if version in SUPPORTED))
    for resource in stack.of_type(*QUERYING) if exported else ():
        if resource.type.endswith(":ConfigMap") and at(resource.props, _DASHBOARD) is None:
            continue
        for metric in sorted(_asked(resource.props) - exported):
            releases = ", ".join(versions)
            yield (
                resource,
                Finding("", f"asks for {metric}, which SGLang {releases} does not export", "use one that it exports"),
            )


def _versions(props: Any) -> Iterator[str]:
    """The engine release that a PodMonitor writes on every series."""
    for endpoint in items(at(props, "spec.podMetricsEndpoints")):
        for rule in map(mapping, items(at(endpoint, "relabelings"))):
            version = text(rule.get("replacement"))
            if rule.get("targetLabel") == "engine_version" and version:
                yield version


def _asked(value: Any) -> set[str]:
    """The engine metrics in every text below `value`."""
    if isinstance(value, str):
        return set(_METRIC.findall(value))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return set().union(*map(_asked, parts))
