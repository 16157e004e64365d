"""What the dashboards have to know of a stack, from its plan. Pure: imports no Pulumi."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.aws.nodes.plan import POOL_LABEL, SYSTEM_POOL
from components.monitoring.dashboards.parts import GroupPart, ModelPart, Parts, PoolPart
from components.monitoring.profile import scrapes_efa
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan, ModelPlan
    from infra.plan.resolve import Plan
    from infra.settings.prices import PriceTable

_SPECULATION = "--speculative-algorithm"
_LORA = ("--enable-lora", "--lora-paths")


def dashboard_parts(plan: Plan) -> Parts:
    """The stack as its dashboards show it."""
    settings = plan.settings
    system = PoolPart(SYSTEM_POOL, plan.system_pool.instance_type, plan.system_pool.nodes)
    return Parts(
        models=tuple(_model(model, settings.prices) for model in plan.models),
        pools=(system, *(PoolPart(pool.name, pool.instance_type, pool.nodes) for pool in plan.pools)),
        namespace=NAMESPACE,
        router_namespace=ROUTER_NAMESPACE,
        pool_label=POOL_LABEL,
        currency=settings.prices.currency,
        prices_of=_prices_of(plan),
        scaling=any(group.scaling for model in plan.models for group in model.groups),
        gpus=settings.platform.gpu_operator.dcgm_exporter,
        efa_counters=scrapes_efa(settings.monitoring),
        volumes=plan.file_system is not None,
    )


def node_hour(prices: PriceTable, instance_type: str) -> float | None:
    """The price of a node for an hour; HyperPod's where it is set, or else the EC2 list price."""
    return prices.per_hour.get(instance_type, prices.per_hour.get(instance_type.removeprefix("ml.")))


def _model(model: ModelPlan, prices: PriceTable) -> ModelPart:
    return ModelPart(
        name=model.name,
        engine_version=model.engine_version,
        groups=tuple(_group(group, prices) for group in model.groups),
        routed=model.router is not None,
    )


def _group(group: GroupPlan, prices: PriceTable) -> GroupPart:
    price = node_hour(prices, group.pool.instance_type)
    return GroupPart(
        lws=group.name,
        role=group.role,
        groups=group.replicas,
        pods=group.nodes_per_group,
        pod_hour=None if price is None else price / group.pods_per_node,
        speculative=_SPECULATION in group.arguments,
        lora=any(flag in group.arguments for flag in _LORA),
        efa=group.efa_per_pod > 0,
        set_name=group.set_name,
    )


def _prices_of(plan: Plan) -> str:
    """When and where the prices were read, and that some are EC2's and not HyperPod's."""
    prices = plan.settings.prices
    words = [part for part in (prices.source, prices.as_of.isoformat() if prices.as_of else "") if part]
    listed = [pool.instance_type for pool in plan.pools if pool.instance_type not in prices.per_hour]
    if any(node_hour(prices, instance_type) is not None for instance_type in listed):
        words.append("EC2 list price where HyperPod's is not set")
    return ", ".join(words)
