"""The part of the narrative about operators, controllers and device plugins, and what the workload needs of them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.base import Context
from components.monitoring.component import Monitoring
from components.platform.efa.component import EfaPlugin
from components.platform.gpu_operator.component import GpuOperator
from components.platform.keda.component import Keda
from components.platform.load_balancer.component import LoadBalancerController
from components.platform.lws.component import LeaderWorkerSetController
from components.serving.component import InferenceNamespace, RouterNamespace
from infra.plan import Plan
from infra.settings import StackSettings
from infra.stack.cluster import Cluster
from infra.stack.observability import deploy_observability


@dataclass(frozen=True, slots=True)
class Platform:
    """What runs in the cluster before the workload, and which part of the workload waits for what of it. `routers` is
    the routers' namespace, None where no model has any.
    """

    monitoring: Monitoring | None
    routers: RouterNamespace | None
    keda: Keda | None
    before_engines: list[pulumi.Resource]
    before_entries: list[pulumi.Resource]


def deploy_platform(
    ctx: Context, settings: StackSettings, plan: Plan, cluster: Cluster, namespace: InferenceNamespace
) -> Platform:
    """Monitoring, operators, controllers and device plugins; none of them waits for a GPU node."""
    on_system = plan.system_pool.node_selector
    tolerations = plan.gpu_tolerations
    chosen = settings.platform
    routers = _routers(ctx, plan, cluster, namespace)
    observability = deploy_observability(ctx, settings, plan, cluster, namespace, routers)
    monitoring = observability.monitoring
    metrics = monitoring is not None
    # A chart's pods need nodes, and a chart that holds a ServiceMonitor fails while that kind does not exist.
    after = [*cluster.usable, *(monitoring.ready if monitoring else ())]
    inside = cluster.inside
    groups = [group for model in plan.models for group in model.groups]
    lws = LeaderWorkerSetController(
        "lws",
        ctx,
        chosen.lws,
        node_selector=on_system,
        metrics=metrics,
        disaggregated_sets=any(group.set_name for group in groups),
        after=after,
        opts=inside,
    )
    gpu_operator = GpuOperator(
        "gpu-operator",
        ctx,
        chosen.gpu_operator,
        substrate="hyperpod" if plan.hyperpod else "eks",
        tolerations=tolerations,
        node_selector=on_system,
        metrics=metrics,
        after=after,
        opts=inside,
    )
    before_engines = [*lws.ready, *gpu_operator.ready, *observability.alerts]
    before_entries: list[pulumi.Resource] = []
    if chosen.efa.enabled and plan.efa_instance_types:
        efa = EfaPlugin(
            "efa",
            ctx,
            chosen.efa,
            instance_types=plan.efa_instance_types,
            tolerations=tolerations,
            opts=inside,
        )
        before_engines += efa.ready
    if chosen.load_balancer.enabled:
        load_balancer = LoadBalancerController(
            "load-balancer",
            ctx,
            chosen.load_balancer,
            cluster_name=cluster.eks.created_name,
            vpc_id=cluster.network.vpc_id,
            node_selector=on_system,
            metrics=metrics,
            after=after,
            opts=inside,
        )
        before_entries += load_balancer.ready
    keda = None
    if chosen.keda.enabled:
        keda = Keda(
            "keda",
            ctx,
            chosen.keda,
            node_selector=on_system,
            metrics=metrics,
            scales_sets=any(group.set_name and group.scaling for group in groups),
            after=after,
            opts=inside,
        )
    return Platform(monitoring, routers, keda, before_engines, before_entries)


def _routers(ctx: Context, plan: Plan, cluster: Cluster, namespace: InferenceNamespace) -> RouterNamespace | None:
    """The namespace of the routers, with the right to see the engines' pods."""
    if all(model.router is None for model in plan.models):
        return None
    return RouterNamespace(
        "routers",
        ctx,
        engines_namespace=namespace.namespace,
        node_selector=plan.system_pool.node_selector,
        # The control plane has its interfaces in these subnets too.
        api_server_cidrs=plan.network.internal_load_balancer_cidrs,
        opts=cluster.inside,
    )
