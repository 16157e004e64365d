"""The part of the narrative about the gateway, which comes last: it stands before all models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from components.base import PROJECT, Context
from components.gateway.component import Gateway
from components.gateway.configuration import PORT
from components.gateway.objects import LABELS
from components.gateway.plan import NAMESPACE as GATEWAY_NAMESPACE
from components.monitoring.component import Monitoring, PodMonitors
from components.monitoring.monitors import GatewayTarget
from components.serving.group.labels import leaders
from components.serving.names import NAMESPACE
from components.serving.network.policies import pods_of
from components.serving.plan import ModelPlan
from components.serving.router.objects import selector
from infra.plan import Plan


def gateway_clients(model: ModelPlan, plan: Plan) -> list[dict[str, Any]]:
    """The gateway's pods as a peer of a model that they ask; none where they do not."""
    if plan.gateway is None or model.name not in plan.gateway.models:
        return []
    return [pods_of(GATEWAY_NAMESPACE, LABELS)]


def deploy_gateway(
    ctx: Context,
    plan: Plan,
    *,
    monitoring: Monitoring | None,
    load_balancer_cidrs: Sequence[str],
    after: Sequence[pulumi.Resource],
    entry_after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> Gateway | None:
    """The gateway and what Prometheus scrapes of it; None without one. Its pods wait for the nodes (`after`) alone."""
    if plan.gateway is None:
        return None
    named = {key.secret for key in plan.gateway.settings.keys} | set(plan.gateway.engine_keys.values())
    config = pulumi.Config(PROJECT)
    gateway = Gateway(
        "gateway",
        ctx,
        plan.gateway,
        fronts=[_front(model) for model in plan.models if model.name in plan.gateway.models],
        secrets={name: config.require_secret(name) for name in sorted(named)},
        node_selector=plan.system_pool.node_selector,
        group=NAMESPACE,
        monitoring_namespace=monitoring.namespace if monitoring else None,
        load_balancer_cidrs=load_balancer_cidrs,
        vpc_cidrs=plan.vpc_cidrs,
        after=after,
        entry_after=entry_after,
        opts=opts,
    )
    if monitoring is not None:
        PodMonitors(
            "gateway-monitors",
            ctx,
            namespace=gateway.namespace,
            targets=[GatewayTarget("gateway", LABELS, PORT)],
            interval_seconds=plan.settings.monitoring.scrape_interval_seconds,
            # The kind PodMonitor comes with the operator.
            after=monitoring.ready,
            opts=opts,
        )
    return gateway


def _front(model: ModelPlan) -> dict[str, Any]:
    """The pods that answer a model's clients, as a peer: its routers, or the leaders of its groups."""
    if model.router:
        return pods_of(model.router.namespace, selector(model.router.name))
    return pods_of(model.namespace, leaders(model.front.members))
