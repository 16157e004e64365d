"""Settings to plan: everything that can be worked out before a resource exists. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from components.aws.lustre.plan import FileSystemPlan, plan_file_system
from components.aws.network.plan import NetworkPlan, plan_network
from components.aws.nodes.plan import PoolPlan, SystemPoolPlan
from components.facts.eks_versions import EksVersion, eks_version
from components.facts.quotas import Quota, quotas_for
from components.gateway.plan import GatewayPlan, plan_gateway
from components.monitoring.alerts.plan import AlertsPlan, plan_alerts
from components.monitoring.profile import efa_owner
from components.serving.plan import GroupPlan, ModelPlan, nodes_of
from components.serving.planning import plan_model
from infra.plan.alerts import watched
from infra.plan.cost import Cost, cost_of, pool_item
from infra.plan.pools import plan_pools, stack_demand
from infra.plan.telemetry import TelemetryPlan, plan_telemetry, with_traces
from infra.plan.uncounted import uncounted

if TYPE_CHECKING:
    from components.serving.entry.settings import EntrySettings
    from infra.settings.stack import StackSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings come to. Preview, tests and the program read this one object; nothing is worked out twice."""

    settings: StackSettings
    version: EksVersion
    network: NetworkPlan
    system_pool: SystemPoolPlan
    pools: tuple[PoolPlan, ...]
    file_system: FileSystemPlan | None
    models: tuple[ModelPlan, ...]
    gateway: GatewayPlan | None
    telemetry: TelemetryPlan
    cost: Cost
    quotas: tuple[Quota, ...]
    alerts: AlertsPlan

    @property
    def hyperpod(self) -> bool:
        """Whether the GPU nodes are HyperPod instance groups."""
        return self.settings.cluster.substrate == "hyperpod"

    @property
    def gpus(self) -> int:
        """GPUs of all pools."""
        return sum(pool.gpus for pool in self.pools)

    @property
    def vpc_cidrs(self) -> list[str]:
        """Networks inside the VPC: its own, or the subnets that an existing one lends to the stack."""
        if self.network.vpc_cidr:
            return [self.network.vpc_cidr]
        return [
            subnet.cidr
            for zone in self.network.zones
            for subnet in (zone.node, zone.control_plane, zone.public)
            if subnet
        ]

    @property
    def gpu_tolerations(self) -> list[dict[str, str]]:
        """What a pod must tolerate to run on every GPU pool."""
        distinct = {tuple(toleration.items()) for pool in self.pools for toleration in pool.tolerations}
        return [dict(toleration) for toleration in sorted(distinct)]

    @property
    def efa_instance_types(self) -> list[str]:
        """Instance types with EFA, as their nodes are labelled."""
        return sorted({pool.instance_type for pool in self.pools if pool.efa_per_node})

    @property
    def efa_exported(self) -> bool:
        """Whether the stack runs an exporter of EFA counters of its own."""
        return bool(self.efa_instance_types) and efa_owner(self.settings.monitoring) == "stack"

    def pool(self, name: str) -> PoolPlan:
        """The pool of that name."""
        return next(pool for pool in self.pools if pool.name == name)

    def entry_of(self, model: ModelPlan) -> EntrySettings | None:
        """The entry through which clients reach a model: its own, or that of another version; None without any."""
        leading = (other.settings.entry for other in self.models if model.name in other.traffic)
        return model.settings.entry or next(leading, None)

    def nodes_used(self, pool: PoolPlan) -> int:
        """Nodes of a pool that models take at the start; the rest is spare."""
        return nodes_of(self._groups_on(pool))

    def nodes_at_least(self, pool: PoolPlan) -> int:
        """Nodes of a pool that models take with as few groups as they may have."""
        return nodes_of(self._groups_on(pool), attrgetter("least_replicas"))

    def nodes_at_most(self, pool: PoolPlan) -> int:
        """Nodes of a pool that models take with as many groups as they may have."""
        return nodes_of(self._groups_on(pool), attrgetter("most_replicas"))

    def cost_of_group(self, group: GroupPlan) -> float | None:
        """Price of an hour of the nodes that a group takes, parts of nodes counted as such; None where unknown."""
        line = next((line for line in self.cost.lines if line.item == pool_item(group.pool)), None)
        if line is None or line.hourly is None or not line.count:
            return None
        return line.hourly / line.count * group.pods / group.pods_per_node

    def _groups_on(self, pool: PoolPlan) -> list[GroupPlan]:
        return [group for model in self.models for group in model.groups if group.pool.name == pool.name]


def resolve(settings: StackSettings, *, today: date | None = None) -> Plan:
    """Resolve settings that have passed their rules. `today` decides which Kubernetes versions cost extra."""
    pools, system_pool = plan_pools(settings)
    network = plan_network(settings.network, stack_demand(settings, pools, system_pool))
    file_system = plan_file_system(settings.file_system) if settings.file_system else None
    version = eks_version(settings.cluster.kubernetes_version)
    models = with_traces(settings, _models(settings, {pool.name: pool for pool in pools}, file_system))
    return Plan(
        settings=settings,
        version=version,
        network=network,
        system_pool=system_pool,
        pools=pools,
        file_system=file_system,
        models=models,
        gateway=plan_gateway(settings.gateway, models) if settings.gateway else None,
        telemetry=plan_telemetry(settings, models),
        cost=cost_of(
            settings.prices,
            pools,
            system_pool,
            nat_gateways=network.nat_gateways,
            extended_support=version.support_on(today or date.today()) == "extended",
            lustre_gib=file_system.capacity_gib if file_system and not file_system.existing else 0,
            lustre_throughput=settings.file_system.throughput_per_tib if settings.file_system else None,
            uncounted=uncounted(settings),
        ),
        quotas=tuple(
            quotas_for(
                [(pool.instance_type, pool.nodes) for pool in (*pools, system_pool)],
                network.nat_gateways,
                new_vpc=network.vpc_id is None,
            )
        ),
        alerts=plan_alerts(settings.monitoring.alerts, watched(settings, models)),
    )


def _models(
    settings: StackSettings, pools: Mapping[str, PoolPlan], file_system: FileSystemPlan | None
) -> tuple[ModelPlan, ...]:
    """Each model on its pools; when a stack starts, every rank of each reads from the one file system at once."""
    if file_system is None:
        return tuple(plan_model(model, pools) for model in settings.models)
    planned = partial(
        plan_model, file_system_mb_per_s=file_system.throughput_mb_per_s, mount_path=file_system.mount_path
    )
    alone = [planned(model, pools) for model in settings.models]
    reading = [_gib_read_at_start(plan) for plan in alone]
    return tuple(
        planned(plan.settings, pools, other_readers_gib=sum(reading) - own)
        for plan, own in zip(alone, reading, strict=True)
    )


def _gib_read_at_start(model: ModelPlan) -> float:
    """GiB that all nodes of a model read from the file system when they start together."""
    size = model.weights.size_gib if model.weights.mounted else None
    return (size or 0) * sum(group.pods for group in model.groups)
