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
