"""What monitoring keeps, where and for how long: the section of a preview, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from components.monitoring.profile import remote_write

if TYPE_CHECKING:
    from infra.plan import Plan


@dataclass(frozen=True, slots=True)
class Kept:
    """One signal: `days` is None where no time limits it."""

    signal: str
    where: str
    days: int | None
    written_by: str


def kept(plan: Plan) -> Iterator[Kept]:
    """Every signal that the stack keeps."""
    monitoring = plan.settings.monitoring
    if monitoring.enabled:
        limit = f"Prometheus in the cluster, at most {monitoring.retention_size_gib} GiB"
        yield Kept("metrics", limit, monitoring.retention_days, "Prometheus")
    if remote_write(monitoring):
        yield Kept("metrics", "Managed Prometheus", None, "Prometheus, by remote write")
    logs = plan.telemetry.logs
    if logs:
        where = f"CloudWatch log group {logs.group}" if logs.destination == "cloudwatch" else "Loki, in a bucket of S3"
        yield Kept("logs", where, logs.settings.retention_days, "Fluent Bit on every node")
    traces = plan.telemetry.traces
    if traces:
        where = "Tempo, in a bucket of S3" if traces.destination == "tempo" else "AWS X-Ray"
        yield Kept("traces", where, traces.days, "engines and routers, by the OpenTelemetry collector")


def kept_json(plan: Plan) -> list[dict[str, Any]]:
    """The signals as they are in the JSON of a preview."""
    return [asdict(signal) for signal in kept(plan)]
