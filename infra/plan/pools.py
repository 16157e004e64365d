"""The node pools of a stack and the addresses that they take. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.aws.network.plan import address_demand
from components.aws.nodes.plan import DaemonPod, PoolPlan, SystemPoolPlan, plan_pool, plan_system_pool
from components.monitoring.efa_exporter.plan import NAME as EFA_EXPORTER
from components.monitoring.profile import efa_owner, pods_of_a_node

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings


def plan_pools(stack: StackSettings) -> tuple[tuple[PoolPlan, ...], SystemPoolPlan]:
    """The GPU pools and the system pool, resolved; raises `UnknownInstance` for a type that is not in the table."""
    substrate = "hyperpod" if stack.cluster.substrate == "hyperpod" else "eks"
    daemons = node_daemons(stack)
    pools = tuple(plan_pool(pool, substrate, daemons) for pool in stack.node_pools)
    return pools, plan_system_pool(stack.system_pool, daemons)


def node_daemons(stack: StackSettings) -> tuple[DaemonPod, ...]:
    """What monitoring runs on every node, or on every node with EFA."""
    everywhere = tuple(DaemonPod(name, False) for name in pods_of_a_node(stack.monitoring))
    counted = efa_owner(stack.monitoring) == "stack"
    return (*everywhere, DaemonPod(EFA_EXPORTER, False, for_efa=True)) if counted else everywhere


def stack_demand(stack: StackSettings, pools: Sequence[PoolPlan], system_pool: SystemPoolPlan) -> dict[str, int]:
    """Subnet addresses that nodes, pods and EFA interfaces want, by zone id."""
    return address_demand(
        stack.network.zones,
        [(pool.zone, pool.nodes * pool.ips_per_node) for pool in pools],
        system_pool.nodes * system_pool.ips_per_node,
    )
