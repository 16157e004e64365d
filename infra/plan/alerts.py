"""What there is to watch in a stack, for its alerts. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from components.aws.nodes.settings import CapacityKind
from components.facts.instances import find_instance
from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Feature
from components.monitoring.alerts.objectives import Objectives
from components.monitoring.alerts.plan import EndingCapacity, Watched, WatchedGroup, WatchedModel
from components.monitoring.profile import scrapes_efa
from components.serving.mooncake.plan import has_store
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE

if TYPE_CHECKING:
    from components.serving.objectives.settings import ObjectiveSettings
    from components.serving.plan import GroupPlan, ModelPlan
    from infra.settings.stack import StackSettings

_ALWAYS: Final = (Exporter.ENGINE, Exporter.ROUTER, Exporter.KUBE_STATE, Exporter.KUBELET, Exporter.PROMETHEUS)
"""What monitoring scrapes wherever it runs: the stack's own pods, and what the chart brings and nothing can take."""

_ELSEWHERE: Final = {"cloudwatchExporter": Exporter.CLOUDWATCH}

_PHASES: Final = frozenset({"prefill", "decode"})


def watched(settings: StackSettings, models: Sequence[ModelPlan]) -> Watched:
    """Exporters and features of the settings, and the models as they were planned."""
    roles = {group.role for model in models for group in model.groups}
    apart = {Feature.DISAGGREGATED} if roles & _PHASES else set()
    return Watched(
        exporters=exporters_of(settings),
        features=features_of(settings) | apart,
        models=tuple(map(_model, models)),
        engines=NAMESPACE,
        routers=ROUTER_NAMESPACE,
        ending=tuple(_ending(settings)),
    )


def exporters_of(settings: StackSettings) -> frozenset[Exporter]:
    """What this stack's Prometheus scrapes."""
    declared = {_ELSEWHERE[name] for name in settings.monitoring.alerts.also_scraped}
    gpus = {Exporter.DCGM} if settings.platform.gpu_operator.dcgm_exporter else set()
    efa = {Exporter.EFA} if scrapes_efa(settings.monitoring) else set()
    return frozenset({*_ALWAYS, Exporter.PLAN, *gpus, *efa, *declared})


def features_of(settings: StackSettings) -> frozenset[Feature]:
    """What the settings have that some alerts are about; of groups that talk over EFA, see `_over_efa`."""
    models = settings.models
    found = {
        Feature.ROUTER: any(model.router for model in models),
        Feature.EFA: _over_efa(settings),
        Feature.SCALING: settings.platform.keda.enabled,
        Feature.HYPERPOD: settings.cluster.substrate == "hyperpod",
        Feature.FILE_SYSTEM: settings.file_system is not None,
        Feature.PREFETCH: settings.file_system is not None,
        Feature.CERTIFICATE: any(model.entry and model.entry.certificate_arn for model in models),
        Feature.STORE: any(map(has_store, models)),
        Feature.ENDING_CAPACITY: any(True for _ in _ending(settings)),
    }
    return frozenset(feature for feature, there in found.items() if there)


def _over_efa(settings: StackSettings) -> bool:
    """Whether a group spans nodes that have EFA."""
    types = {pool.name: find_instance(pool.instance_type) for pool in settings.node_pools}
    machines = (types.get(model.node_pool) for model in settings.models if model.nodes_per_group > 1)
    return any(machine and machine.efa_interfaces for machine in machines)


def _ending(settings: StackSettings) -> Iterator[EndingCapacity]:
    for pool in settings.node_pools:
        capacity = pool.capacity
        if capacity.ends_at is not None and capacity.kind in (CapacityKind.CAPACITY_BLOCK, CapacityKind.TRAINING_PLAN):
            yield EndingCapacity(pool.name, str(capacity.kind), capacity.ends_at)


def _model(model: ModelPlan) -> WatchedModel:
    return WatchedModel(
        name=model.name,
        engine_version=model.engine_version,
        groups=tuple(map(_group, model.groups)),
        routed=model.router is not None,
        store=model.store is not None,
        sleeps=any(group.least_replicas == 0 for group in model.groups),
        objectives=_objectives(model.settings.objectives),
        startup_seconds=max(group.probes.startup_minutes for group in model.groups) * 60,
    )


def _objectives(settings: ObjectiveSettings) -> Objectives | None:
    if not settings.enabled:
        return None
    return Objectives(
        time_to_first_token=settings.time_to_first_token_seconds,
        inter_token=settings.inter_token_seconds,
        latency=settings.latency_ratio,
        availability=settings.availability,
    )


def _group(group: GroupPlan) -> WatchedGroup:
    return WatchedGroup(
        lws=group.name,
        role=group.role,
        pool=group.pool.name,
        start_seconds=group.first_minutes * 60,
        efa=group.efa_per_pod > 0,
    )
