"""What the profile decides where a single choice is left open. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.monitoring.efa_exporter.settings import EfaOwner
from components.monitoring.logs.settings import LogDestination
from components.monitoring.traces.settings import TraceDestination

if TYPE_CHECKING:
    from components.monitoring.settings import MonitoringSettings, Profile

_LOGS: Final[dict[Profile, LogDestination]] = {"cluster": "loki", "aws": "cloudwatch"}
_TRACES: Final[dict[Profile, TraceDestination]] = {"cluster": "tempo", "aws": "xray"}


def pods_of_a_node(monitoring: MonitoringSettings) -> list[str]:
    """Pods with an address that monitoring runs on every node of the stack."""
    return ["fluent-bit"] if log_destination(monitoring) else []


def efa_owner(monitoring: MonitoringSettings) -> EfaOwner:
    """Who exports the counters of the EFA interfaces."""
    if not monitoring.enabled:
        return "none"
    by_default: EfaOwner = "hyperpod" if hyperpod_counts_efa(monitoring) else "stack"
    return monitoring.efa_exporter.owner or by_default


def scrapes_efa(monitoring: MonitoringSettings) -> bool:
    """Whether Prometheus in the cluster has them: what HyperPod's add-on counts it writes to Managed Prometheus."""
    return efa_owner(monitoring) in ("stack", "other")


def hyperpod_counts_efa(monitoring: MonitoringSettings) -> bool:
    """Whether this stack's HyperPod observability add-on exports them."""
    addon = monitoring.hyperpod_observability
    return addon.enabled and addon.network_metrics != "DISABLED"


def log_destination(monitoring: MonitoringSettings) -> LogDestination | None:
    """Where the workload's logs go; None where they are not shipped."""
    logs = monitoring.logs
    return (logs.destination or _LOGS[monitoring.profile]) if logs.enabled else None


def trace_destination(monitoring: MonitoringSettings) -> TraceDestination | None:
    """Where traces are kept; None where nobody sends any."""
    traces = monitoring.traces
    return (traces.destination or _TRACES[monitoring.profile]) if traces.enabled else None


def is_traced(monitoring: MonitoringSettings, model: str) -> bool:
    """Whether the engines and routers of a model send spans."""
    traces = monitoring.traces
    return traces.enabled and (traces.models is None or model in traces.models)


def remote_write(monitoring: MonitoringSettings) -> bool:
    """Whether Prometheus in the cluster writes to Managed Prometheus too."""
    chosen = monitoring.managed_prometheus.enabled
    return monitoring.enabled and (monitoring.profile == "aws" if chosen is None else chosen)


def writes_to_cloudwatch(monitoring: MonitoringSettings) -> bool:
    """Whether logs or metrics of the stack are in CloudWatch."""
    return log_destination(monitoring) == "cloudwatch" or monitoring.container_insights.enabled
