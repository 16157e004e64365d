"""Where traces go. Pure: imports no Pulumi."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.monitoring.traces.settings import TraceDestination, TraceSettings

TRACES_NAMESPACE: Final = "traces"
"""Namespace of the collector and of Tempo."""
OTLP_PORT: Final = 4317
COLLECTOR_ENDPOINT: Final = f"opentelemetry-collector.{TRACES_NAMESPACE}.svc.cluster.local:{OTLP_PORT}"
"""Where engines and routers send spans, by gRPC without TLS and, as their flag wants it, without a scheme."""
TEMPO_URL: Final = f"http://tempo.{TRACES_NAMESPACE}.svc.cluster.local:3200"
"""Tempo's API, inside the cluster."""
XRAY_DAYS: Final = 30
"""Days for which X-Ray keeps a trace (AWS X-Ray FAQ)."""


XRAY_READS: Final = (
    "xray:BatchGetTraces",
    "xray:GetGroups",
    "xray:GetInsight",
    "xray:GetInsightSummaries",
    "xray:GetServiceGraph",
    "xray:GetTimeSeriesServiceStatistics",
    "xray:GetTraceGraph",
    "xray:GetTraceSummaries",
)
"""What Grafana's data source asks of X-Ray (grafana/x-ray-datasource@5e15e7e docs/sources/configure.md, "IAM policy"),
without Application Signals and other accounts, to which this stack sends nothing."""


@dataclass(frozen=True, slots=True)
class TracePlan:
    """How traces are kept; `senders` are the namespaces whose pods send spans."""

    settings: TraceSettings
    destination: TraceDestination
    senders: tuple[str, ...]

    @property
    def days(self) -> int:
        """Days for which a trace is kept."""
        return XRAY_DAYS if self.destination == "xray" else self.settings.retention_days
