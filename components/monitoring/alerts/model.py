"""What an alert is. Pure.

Texts hold names of thresholds in angle brackets (`> <errorRatio>`), which `fill` replaces; PromQL has none of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from components.monitoring.alerts.exporters import Exporter

_NAME: Final = re.compile(r"<([a-z][A-Za-z]*)>")


class Severity(StrEnum):
    """Who has to act: `critical` wakes someone, `warning` can wait for the morning, `info` is there to be looked up."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    NONE = "none"


class Family(StrEnum):
    """Alerts with one PrometheusRule and one runbook page; the value names both."""

    LATENCY = "latency"
    ERRORS = "errors"
    LOAD = "load"
    GROUPS = "groups"
    ROUTER = "router"
    TRANSFER = "transfer"
    GPU = "gpu"
    FABRIC = "fabric"
    NODES = "nodes"
    STORAGE = "storage"
    CAPACITY = "capacity"
    SECURITY = "security"
    MONITORING = "monitoring"
    OBJECTIVES = "objectives"


class Feature(StrEnum):
    """What a plan must have for an alert to mean anything."""

    ROUTER = "a router"
    DISAGGREGATED = "prefill and decode apart"
    EFA = "groups that talk over EFA"
    SCALING = "KEDA"
    HYPERPOD = "HyperPod"
    FILE_SYSTEM = "a file system"
    PREFETCH = "a weights prefetch"
    CERTIFICATE = "an entry with a certificate"
    ENDING_CAPACITY = "capacity that ends"
    STORE = "a Mooncake store of a model's own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert.

    `exporters`, `metrics` and `labels` say what `expression` reads and which labels its result has: the contract test
    holds them against the parsed expression. `older` is the expression of engine releases that lack one of `metrics`,
    with the metrics it reads instead. `minutes` is how long the expression must hold. `dashboard` is the uid of the
    Grafana dashboard that shows more. `source` is where the default threshold or the reading of the metric comes from.
    """

    name: str
    family: Family
    severity: Severity
    exporters: tuple[Exporter, ...]
    metrics: tuple[str, ...]
    labels: tuple[str, ...]
    expression: str
    minutes: int
    summary: str
    description: str
    dashboard: str
    source: str
    features: frozenset[Feature] = frozenset()
    older: tuple[str, tuple[str, ...]] | None = None

    @property
    def anchor(self) -> str:
        """The heading of its runbook as a Markdown renderer makes an anchor of it."""
        return self.name.lower()

    @property
    def page(self) -> str:
        """Its runbook, relative to the folder of all runbooks."""
        return f"alerts/{self.family}.md#{self.anchor}"

    @property
    def thresholds(self) -> frozenset[str]:
        """Names of the thresholds that its expression reads."""
        return frozenset(_NAME.findall(self.expression))


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule: the series that `expression` gives, under a name of its own, with constant labels added."""

    record: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.record, "expr": self.expression, **labels}


def fill(text: str, values: Mapping[str, float | str]) -> str:
    """`text` with each name in angle brackets replaced by its value; KeyError for a name without one."""
    return _NAME.sub(lambda match: _shown(values[match[1]]), text)


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"
