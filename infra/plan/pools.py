"""The node pools of a stack and the addresses that they take. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.aws.network.plan import address_demand
from components.aws.nodes.plan import PoolPlan, SystemPoolPlan, plan_pool, plan_system_pool

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings


def plan_pools(stack: StackSettings) -> tuple[tuple[PoolPlan, ...], SystemPoolPlan]:
    """The GPU pools and the system pool, resolved; raises `UnknownInstance` for a type that is not in the table."""
    substrate = "hyperpod" if stack.cluster.substrate == "hyperpod" else "eks"
    return tuple(plan_pool(pool, substrate) for pool in stack.node_pools), plan_system_pool(stack.system_pool)


def stack_demand(stack: StackSettings, pools: Sequence[PoolPlan], system_pool: SystemPoolPlan) -> dict[str, int]:
    """Subnet addresses that nodes, pods and EFA interfaces want, by zone id."""
    return address_demand(
        stack.network.zones,
        [(pool.zone, pool.nodes * pool.ips_per_node) for pool in pools],
        system_pool.nodes * system_pool.ips_per_node,
    )
