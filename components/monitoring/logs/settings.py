"""Settings of the workload's logs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.facts import pins
from components.platform.versions import ChartVersion
from components.settings import Quantity, Settings

LogDestination = Literal["cloudwatch", "loki"]


class LokiSettings(Settings):
    """Loki in one process, which keeps its chunks in a bucket of the stack. Good for tens of GB a day."""

    chart_version: ChartVersion = pins.LOKI.version
    """Version of the Helm chart `loki` of grafana-community."""
    storage_gib: Annotated[int, Field(ge=1, le=1000, alias="storageGiB")] = 10
    """Size of the volume for the write-ahead log and what is not in the bucket yet."""
    cpu_request: Quantity = "500m"
    """CPU that Loki asks for."""
    memory_request: Quantity = "1Gi"
    """Memory that Loki asks for."""
    memory_limit: Quantity = "4Gi"
    """Memory limit of Loki; a wide query takes most of it."""


class LogSettings(Settings):
    """What engines, routers and weights jobs write is read from each node and kept after the pod is gone."""

    enabled: bool = False
    """Ship logs. Without it they are on the node only, until the container's file is rotated or the pod deleted."""
    destination: LogDestination | None = None
    """Where they go: `cloudwatch` or `loki`. Without a value `monitoring.profile` decides."""
    retention_days: Annotated[int, Field(ge=1, le=3653)] = 30
    """Days after which they are deleted. CloudWatch Logs takes certain numbers only."""
    chart_version: ChartVersion = pins.FLUENT_BIT.version
    """Version of the Helm chart `fluent-bit`."""
    buffer_gib: Annotated[int, Field(ge=1, le=100, alias="bufferGiB")] = 2
    """GiB on each node's disk for what could not be sent yet; what is read and not sent survives a restart there. When
    it is full the oldest goes."""
    memory_limit: Quantity = "256Mi"
    """Memory limit of Fluent Bit on each node."""
    loki: LokiSettings = LokiSettings()
    """Loki; read only where logs go there."""
