"""Where a stack's logs go, and which pods write them. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.monitoring.logs.plan import LogPlan, Writer, plan_logs
from components.monitoring.profile import is_traced, log_destination, trace_destination
from components.monitoring.traces.plan import COLLECTOR_ENDPOINT, TracePlan
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE
from components.serving.tracing import traced
from components.serving.weights.job import prefetches

if TYPE_CHECKING:
    from components.serving.plan import ModelPlan
    from infra.settings.stack import StackSettings


@dataclass(frozen=True, slots=True)
class TelemetryPlan:
    """What monitoring keeps beside metrics; None for what is off."""

    logs: LogPlan | None
    traces: TracePlan | None


def plan_telemetry(settings: StackSettings, models: Sequence[ModelPlan]) -> TelemetryPlan:
    """Resolve the settings of monitoring for the planned models."""
    monitoring = settings.monitoring
    destination = log_destination(monitoring)
    logs = (
        plan_logs(
            monitoring.logs,
            destination,
            cluster_name=settings.cluster.name,
            namespaces=_namespaces(models),
            writers=_writers(models),
        )
        if destination
        else None
    )
    return TelemetryPlan(logs, _traces(settings, models))


def with_traces(settings: StackSettings, models: Sequence[ModelPlan]) -> tuple[ModelPlan, ...]:
    """The models, those that are traced with the flags for it."""
    monitoring = settings.monitoring
    return tuple(traced(model, COLLECTOR_ENDPOINT) if is_traced(monitoring, model.name) else model for model in models)


def _traces(settings: StackSettings, models: Sequence[ModelPlan]) -> TracePlan | None:
    destination = trace_destination(settings.monitoring)
    if destination is None:
        return None
    return TracePlan(settings.monitoring.traces, destination, tuple(_namespaces(models)))


def _namespaces(models: Sequence[ModelPlan]) -> list[str]:
    return [NAMESPACE, *([ROUTER_NAMESPACE] if any(model.router for model in models) else [])]


def _writers(models: Sequence[ModelPlan]) -> Iterator[Writer]:
    for model in models:
        for group in model.groups:
            fields = {"model": model.name, "role": group.role, "engine_version": model.engine_version}
            yield Writer(group.name, fields, ranked=True)
        if model.store:
            yield Writer(model.store.name, {"model": model.name, "role": "store"})
        if model.router:
            yield Writer(model.router.name, {"model": model.name, "role": "router"})
    for model in prefetches(models):
        yield Writer(f"{model.name}-weights", {"model": model.name, "role": "weights"})
