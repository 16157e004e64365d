"""What the picture shows, as words and numbers; where it stands and how it looks is for the formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.monitoring.profile import remote_write
from components.serving.names import DECODE, PREFILL, SERVE
from components.serving.weights.settings import WeightsSource
from infra.plan.cost import pool_item
from infra.report.figures import TIMES, count, money

if TYPE_CHECKING:
    from components.aws.nodes.plan import PoolPlan
    from components.serving.plan import GroupPlan, ModelPlan
    from infra.plan import Plan

HUB = "Hugging Face Hub"
PROMETHEUS = "Prometheus"


@dataclass(frozen=True, slots=True)
class ModelScene:
    """One role of a model on its pool. `gpus_per_pod` GPUs per pod, `pods_per_node` pods on a node. `sends_to` is the
    role that gets its KV cache, and `sends_by` the transport; both are empty for a role that hands none over. `asked`
    is whether the gateway asks it.
    """

    name: str
    lines: tuple[str, ...]
    replicas: int
    nodes_per_group: int
    pods_per_node: int
    gpus_per_pod: int
    mounts: bool
    served: bool
    sends_to: str = ""
    sends_by: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class PoolScene:
    """A GPU pool. `spare` is the number of nodes that no model takes, `held` that of those which autoscaled models take
    only with more replicas than at the start, `free_gpus` what is free on nodes that models take.
    """

    title: str
    lines: tuple[str, ...]
    gpus_per_node: int
    spare: int
    models: tuple[ModelScene, ...]
    held: int = 0
    free_gpus: int = 0

    @property
    def mounts(self) -> bool:
        """Whether models here read from the file system."""
        return any(model.mounts for model in self.models)


@dataclass(frozen=True, slots=True)
class ZoneScene:
    """An availability zone."""

    name: str
    lines: tuple[str, ...]
    pools: tuple[PoolScene, ...]
    file_system: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayScene:
    """The gateway before the models. `reached` is whether the clients that the picture shows ask it."""

    lines: tuple[str, ...]
    reached: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """The whole picture. `load_balancer` is empty where clients stay inside the cluster; `sources` are where weights
    come from, outside of it; `kept_outside` are the services of AWS that keep signals, each with what it keeps.
    """

    title: str
    subtitle: str
    network: str
    control_plane: tuple[str, ...]
    system_pool: tuple[str, ...]
    platform: tuple[str, ...]
    monitoring: tuple[str, ...]
    load_balancer: tuple[str, ...]
    way_out: str
    sources: tuple[str, ...]
    prefetched: bool
    zones: tuple[ZoneScene, ...]
    gateway: GatewayScene | None = None
    kept_outside: tuple[tuple[str, str], ...] = ()

    @property
    def scraped(self) -> bool:
        """Whether metrics are read."""
        return PROMETHEUS in self.monitoring

    def direct(self, model: ModelScene) -> bool:
        """Whether clients ask a model without a gateway between."""
        return model.served if self.load_balancer else not model.asked


def scene_of(plan: Plan) -> Scene:
    """The scene of a plan."""
    settings = plan.settings
    kind = "HyperPod on EKS" if plan.hyperpod else "EKS"
    gpus = count(plan.gpus, "GPU")
    return Scene(
        title=settings.cluster.name,
        subtitle=f"{settings.region} · {kind} · {gpus} · {_cost(plan)}",
        network=f"VPC {plan.network.vpc_cidr or plan.network.vpc_id}",
        control_plane=_control_plane(plan),
        system_pool=_system_pool(plan),
        platform=tuple(_platform(plan)),
        monitoring=tuple(_monitoring(plan)),
        load_balancer=_load_balancer(plan),
        way_out=_way_out(plan),
        sources=tuple(_sources(plan)),
        prefetched=any(model.weights.prefetched for model in plan.models),
        zones=tuple(_zone(plan, zone) for zone in settings.network.zones),
        gateway=_gateway(plan),
        kept_outside=tuple(_kept_outside(plan)),
    )


def _cost(plan: Plan) -> str:
    cost = plan.cost
    if not cost.hourly:
        return "cost unknown"
    dated = f" by prices of {cost.as_of}" if cost.as_of else ""
    more = ", more without a price" if cost.unknown else ""
    return f"{money(cost.hourly, cost.currency)}/h{dated}{more}"


def _way_out(plan: Plan) -> str:
    if plan.settings.network.existing:
        return "Its own routes"
    nat_gateways = plan.network.nat_gateways
    return count(nat_gateways, "NAT gateway") if nat_gateways else "S3 gateway endpoint"


def _control_plane(plan: Plan) -> tuple[str, ...]:
    endpoint = plan.settings.cluster.endpoint.public_cidrs
    reach = "private endpoint" if not endpoint else f"private endpoint, public from {count(len(endpoint), 'network')}"
    return ("EKS control plane", f"Kubernetes {plan.settings.cluster.kubernetes_version} · {reach}")


def _system_pool(plan: Plan) -> tuple[str, ...]:
    pool = plan.system_pool
    return ("System pool", f"{pool.nodes} {TIMES} {pool.instance_type}", "no GPUs, over all zones")


def _platform(plan: Plan) -> list[str]:
    platform = plan.settings.platform
    efa = platform.efa.enabled and any(pool.efa_per_node for pool in plan.pools)
    names = ["LeaderWorkerSet", "GPU operator"]
    names += ["EFA device plugin"] if efa else []
    names += ["Load balancer controller"] if platform.load_balancer.enabled else []
    names += ["KEDA"] if platform.keda.enabled else []
    names += ["FSx CSI driver"] if plan.file_system else []
    names += ["HyperPod health agent"] if plan.hyperpod else []
    return names + [f"Mooncake store of {model.name}" for model in plan.models if model.store]


def _monitoring(plan: Plan) -> list[str]:
    monitoring, telemetry = plan.settings.monitoring, plan.telemetry
    names: list[str] = []
    if monitoring.enabled:
        names += [PROMETHEUS]
        names += ["Grafana"] if monitoring.grafana.enabled else []
        names += ["Alertmanager"] if monitoring.alertmanager.enabled else []
    names += ["Loki"] if telemetry.logs and telemetry.logs.destination == "loki" else []
    return names + (["Tempo"] if telemetry.traces and telemetry.traces.destination == "tempo" else [])


def _kept_outside(plan: Plan) -> Iterator[tuple[str, str]]:
    logs, traces = plan.telemetry.logs, plan.telemetry.traces
    if logs and logs.destination == "cloudwatch":
        yield "CloudWatch", "logs, by Fluent Bit"
    if traces and traces.destination != "tempo":
        yield "AWS X-Ray", "traces, by OpenTelemetry"
    if remote_write(plan.settings.monitoring):
        yield "Managed Prometheus", "metrics, by remote write"


def _gateway(plan: Plan) -> GatewayScene | None:
    if plan.gateway is None:
        return None
    lines = ("LiteLLM gateway", count(plan.gateway.settings.replicas, "replica"))
    return GatewayScene(lines, reached=plan.gateway.settings.entry is not None or not _load_balancer(plan))


def _load_balancer(plan: Plan) -> tuple[str, ...]:
    entries = [model.settings.entry for model in plan.models if model.settings.entry]
    if plan.gateway and plan.gateway.settings.entry:
        entries.append(plan.gateway.settings.entry)
    if not entries:
        return ()
    tls = "TLS" if any(entry.certificate_arn for entry in entries) else "HTTP"
    return ("Application Load Balancer", f"{entries[0].scheme} · {tls}")


def _sources(plan: Plan) -> list[str]:
    found = []
    if any(model.weights.source is WeightsSource.HUGGING_FACE for model in plan.models):
        found.append(HUB)
    linked = plan.settings.file_system.data_repositories if plan.settings.file_system else []
    if linked or any(model.weights.source is WeightsSource.S3 for model in plan.models):
        found.append("Amazon S3")
    return found


def _zone(plan: Plan, zone: str) -> ZoneScene:
    found = plan.network.zone(zone)
    lines = (f"node subnet {found.node.cidr}", f"{found.needed:,} of {found.available:,} addresses planned")
    pools = tuple(_pool(plan, pool) for pool in plan.pools if pool.zone == zone)
    files: tuple[str, ...] = ()
    system = plan.file_system
    if system and system.zone == zone:
        throughput = f"{system.throughput_mb_per_s / 1000:,.1f} GB/s"
        files = ("FSx for Lustre", f"{system.capacity_gib:,} GiB", throughput + (" · EFA" if system.efa else ""))
    return ZoneScene(zone, lines, pools, files)


def _pool(plan: Plan, pool: PoolPlan) -> PoolScene:
    gpu = pool.instance.gpu
    card = gpu.name if gpu else "no GPU"
    line = next((line for line in plan.cost.lines if line.item == pool_item(pool)), None)
    price = f"{money(line.hourly, plan.cost.currency)}/h" if line else money(None)
    listed = " EC2 list price" if plan.hyperpod and line and line.hourly is not None else ""
    lines = (
        f"{pool.nodes} {TIMES} {pool.instance_type}",
        f"{pool.gpus_per_node} {TIMES} {card} per node, {pool.gpus} in all",
        f"{pool.efa_per_node} EFA per node" if pool.efa_per_node else "no EFA",
        price + listed,
    )
    groups = [(model, group) for model in plan.models for group in model.groups if group.pool.name == pool.name]
    models = tuple(_model(plan, model, group) for model, group in groups)
    title = f"Node pool {pool.name} (HyperPod)" if plan.hyperpod else f"Node pool {pool.name}"
    used, most = (min(nodes, pool.nodes) for nodes in (plan.nodes_used(pool), plan.nodes_at_most(pool)))
    taken = sum(group.gpus for _, group in groups)
    return PoolScene(
        title=title,
        lines=lines,
        gpus_per_node=pool.gpus_per_node,
        spare=pool.nodes - most,
        models=models,
        held=most - used,
        free_gpus=max(0, used * pool.gpus_per_node - taken),
    )


def _model(plan: Plan, model: ModelPlan, group: GroupPlan) -> ModelScene:
    ranks = [("tensor", group.tensor), ("pipeline", group.pipeline), ("data", group.data)]
    layout = f" {TIMES} ".join(f"{name} {size}" for name, size in ranks if size > 1) or "one GPU"
    one = ", one DisaggregatedSet with prefill" if group.set_name and group.role == DECODE else ""
    role = "" if group.role == SERVE else f" ({group.role}{one})"
    replicas = f"{group.least_replicas} to {group.most_replicas} replicas" if group.scaling else None
    shape = f"{replicas or count(group.replicas, 'replica')} {TIMES} {count(group.nodes_per_group, 'node')}"
    context = model.settings.context_length or model.facts.context_length
    apart = (
        ()
        if group.transfer is None
        else (f"{count(group.gpus, 'GPU')}, {money(plan.cost_of_group(group), plan.cost.currency)}/h",)
    )
    sends = group.transfer if group.role == PREFILL else None
    routed = () if model.router is None else (f"{count(model.router.replicas, 'router')}",)
    return ModelScene(
        name=group.name,
        lines=(
            f"{model.settings.model}{role}",
            f"{shape} · {layout}",
            f"context {context:,} tokens",
            *apart,
            *routed,
        ),
        replicas=group.replicas,
        nodes_per_group=group.nodes_per_group,
        pods_per_node=group.pods_per_node,
        gpus_per_pod=group.gpus_per_pod,
        mounts=group.weights.mounted,
        served=plan.entry_of(model) is not None,
        sends_to=sends.peer if sends else "",
        sends_by=f"KV cache by {sends.transport.name}" if sends else "",
        asked=plan.gateway is not None and model.name in plan.gateway.models,
    )
