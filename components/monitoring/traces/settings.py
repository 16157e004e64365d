"""Settings of traces."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.facts import pins
from components.platform.versions import ChartVersion
from components.settings import DnsLabel, Quantity, Settings

TraceDestination = Literal["tempo", "xray"]


class TempoSettings(Settings):
    """Tempo in one process, which keeps its blocks in a bucket of the stack."""

    chart_version: ChartVersion = pins.TEMPO.version
    """Version of the Helm chart `tempo` of grafana-community."""
    storage_gib: Annotated[int, Field(ge=1, le=1000, alias="storageGiB")] = 10
    """Size of the volume for what is not in the bucket yet."""
    memory_request: Quantity = "1Gi"
    """Memory that Tempo asks for."""
    memory_limit: Quantity = "4Gi"
    """Memory limit of Tempo."""


class TraceSettings(Settings):
    """How a request went through router, queue, prefill and decode, as OpenTelemetry spans."""

    enabled: bool = False
    """Let routers and engines send spans, and keep some of the traces. Each span costs the engine's CPU a little."""
    destination: TraceDestination | None = None
    """Where traces are kept: `tempo` or `xray`. Without a value `monitoring.profile` decides."""
    models: list[DnsLabel] | None = None
    """Names of the models that are traced; without a value all of them."""
    retention_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Days after which Tempo deletes traces; X-Ray keeps them for 30 days."""
    slow_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    """Traces that took longer are all kept, as are those with an error."""
    sample_percent: Annotated[float, Field(ge=0, le=100)] = 5
    """Share of the other traces that is kept."""
    decision_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    """Seconds from a trace's first span until it is kept or dropped. A request that takes longer is judged by what has
    ended until then."""
    traces_in_memory: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    """Traces that wait for their decision; when there are more the oldest is decided early. At `n` requests a second
    there are `n` times `decisionSeconds`."""
    chart_version: ChartVersion = pins.OPENTELEMETRY_COLLECTOR.version
    """Version of the Helm chart `opentelemetry-collector`."""
    memory_limit: Quantity = "2Gi"
    """Memory limit of the collector."""
    tempo: TempoSettings = TempoSettings()
    """Tempo; read only where traces go there."""
