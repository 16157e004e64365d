"""The narrative: the whole stack, in the order in which it comes into being.

Data orders most of it. Where only `depends_on` can, the reason stands beside it. What needs no GPU waits for none: the
file system and the weights in it, the operators and monitoring are there before the first GPU node is paid for.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.aws.hyperpod.component import DependencyChart, HyperPod
from components.aws.lustre.component import Lustre, LustreDriver, LustreVolume
from components.aws.nodes.component import EksNodePool
from components.aws.nodes.settings import After
from components.base import PROJECT, Context
from components.gateway.component import Gateway
from components.serving.autoscaling.component import Autoscaling
from components.serving.component import InferenceNamespace, Model, WeightsPrefetch
from components.serving.entry.settings import EntrySettings
from components.serving.names import NAMESPACE
from components.serving.namespace.plan import plan_namespace
from components.serving.weights.job import prefetches
from infra.plan import Plan
from infra.settings import StackSettings
from infra.stack.cluster import Cluster, deploy_cluster
from infra.stack.gateway import deploy_gateway, gateway_clients
from infra.stack.platform import Platform, deploy_platform
from infra.stack.secrets import secret
from infra.stack.stores import deploy_stores


@dataclass(frozen=True, slots=True)
class Weights:
    """The shared file system as engines see it; `claim` is None where there is none."""

    claim: str | None
    ready: list[pulumi.Resource]


def deploy(settings: StackSettings, plan: Plan, stack: str) -> None:
    """Register every resource of the stack, then its outputs. `plan` is `resolve(settings)`."""
    ctx = Context(
        stack=stack,
        region=settings.region,
        cluster_name=settings.cluster.name,
        protect=settings.protect,
        tags={**settings.tags, PROJECT: stack},
    )
    cluster = deploy_cluster(ctx, settings, plan)
    namespace = InferenceNamespace("inference", ctx, plan_namespace(plan.models), opts=cluster.inside)
    weights = _weights(ctx, settings, plan, cluster, namespace)
    platform = deploy_platform(ctx, settings, plan, cluster, namespace)
    fetched = _prefetch(ctx, plan, cluster, namespace, weights)
    gpu_nodes = _gpu_nodes(ctx, settings, plan, cluster, fetched)
    models = _models(
        ctx,
        plan,
        cluster,
        namespace=namespace,
        weights=weights,
        fetched=fetched,
        platform=platform,
        gpu_nodes=gpu_nodes,
    )
    _autoscaling(ctx, cluster, namespace=namespace, platform=platform, models=models)
    gateway = deploy_gateway(
        ctx,
        plan,
        monitoring=platform.monitoring,
        load_balancer_cidrs=_load_balancer_cidrs(settings.gateway.entry if settings.gateway else None, plan),
        after=cluster.usable,
        entry_after=platform.before_entries,
        opts=cluster.inside,
    )
    _export(settings, plan, models, platform, gateway)


def _weights(
    ctx: Context, settings: StackSettings, plan: Plan, cluster: Cluster, namespace: InferenceNamespace
) -> Weights:
    """The file system, which needs only the network, its driver, and the claim that pods mount."""
    if plan.file_system is None:
        return Weights(None, [])
    lustre = Lustre(
        "weights",
        ctx,
        plan.file_system,
        subnet_id=cluster.network.node_subnets[plan.file_system.zone],
        security_group_id=cluster.network.node_security_group_id,
        opts=cluster.cloud,
    )
    driver = LustreDriver(
        "lustre-csi",
        ctx,
        plan.file_system,
        cluster_name=cluster.eks.created_name,
        kubernetes_version=settings.cluster.kubernetes_version,
        after=cluster.usable,
        opts=cluster.inside,
    )
    volume = LustreVolume(
        "weights-volume",
        ctx,
        plan.file_system,
        namespace=NAMESPACE,
        file_system_id=lustre.file_system_id,
        dns_name=lustre.dns_name,
        mount_name=lustre.mount_name,
        # The claim names its namespace as text.
        after=namespace.ready,
        opts=cluster.inside,
    )
    # Pods mount by the driver, and read from S3 through the links of the file system.
    return Weights(volume.claim_name, [*volume.ready, *driver.ready, *lustre.ready])


def _gpu_nodes(
    ctx: Context, settings: StackSettings, plan: Plan, cluster: Cluster, fetched: dict[str, list[pulumi.Resource]]
) -> list[pulumi.Resource]:
    """The GPU nodes: HyperPod instance groups, or one EKS managed node group per pool.

    They come once the cluster is usable: what can fail cheaply has then not failed, and they can join. Where the
    settings say so, they come after the weights too: nobody pays for GPUs while a hub is slow.
    """
    jobs = [job for folder in fetched.values() for job in folder]
    before = [*cluster.usable, *(jobs if settings.gpu_nodes.after is After.WEIGHTS else ())]
    security_groups = [cluster.network.node_security_group_id, cluster.eks.cluster_security_group_id]
    if not plan.hyperpod:
        pools = [
            EksNodePool(
                pool.name,
                ctx,
                pool,
                cluster_name=cluster.eks.created_name,
                cluster_version=settings.cluster.kubernetes_version,
                subnet_id=cluster.network.node_subnets[pool.zone],
                security_group_ids=security_groups,
                after=before,
                opts=cluster.cloud,
            )
            for pool in plan.pools
        ]
        return [resource for pool in pools for resource in pool.ready]
    chart = DependencyChart("hyperpod-dependencies", ctx, opts=cluster.inside)
    hyperpod = HyperPod(
        "hyperpod",
        ctx,
        settings.hyperpod,
        pools=plan.pools,
        cluster_arn=cluster.eks.arn,
        vpc_id=cluster.network.vpc_id,
        subnets=cluster.network.node_subnets,
        security_group_ids=security_groups,
        efa_lustre=plan.file_system is not None and plan.file_system.efa,
        # HyperPod looks for its health agent's namespace and roles while it is being created.
        after=[*before, *chart.ready],
        opts=cluster.cloud,
    )
    return hyperpod.ready


def _prefetch(
    ctx: Context, plan: Plan, cluster: Cluster, namespace: InferenceNamespace, weights: Weights
) -> dict[str, list[pulumi.Resource]]:
    """The jobs that complete the checkpoints on the file system, which takes no GPU: what to wait for, by folder."""
    if weights.claim is None:
        return {}
    return {
        model.weights.model_path: WeightsPrefetch(
            f"{model.name}-weights",
            ctx,
            model,
            namespace=namespace.namespace,
            claim_name=weights.claim,
            token=secret(model.weights.token_secret),
            vpc_cidrs=plan.vpc_cidrs,
            after=[*cluster.usable, *namespace.ready, *weights.ready],
            opts=cluster.inside,
        ).ready
        for model in prefetches(plan.models)
    }


def _models(
    ctx: Context,
    plan: Plan,
    cluster: Cluster,
    *,
    namespace: InferenceNamespace,
    weights: Weights,
    fetched: dict[str, list[pulumi.Resource]],
    platform: Platform,
    gpu_nodes: list[pulumi.Resource],
) -> list[Model]:
    """The models, each once its weights are on the file system and its nodes are there."""
    before = [*cluster.usable, *namespace.ready, *weights.ready, *platform.before_engines, *gpu_nodes]
    stores = deploy_stores(
        ctx,
        plan,
        namespace=namespace.namespace,
        monitoring=platform.monitoring,
        after=[*cluster.usable, *namespace.ready],
        opts=cluster.inside,
    )
    made: dict[str, Model] = {}
    # An entry that splits requests names the Services of the other versions as text, and waits for them.
    for model in sorted(plan.models, key=lambda model: bool(model.traffic)):
        made[model.name] = Model(
            model.name,
            ctx,
            model,
            namespace=namespace.namespace,
            claim_name=weights.claim if model.weights.mounted else None,
            api_key=secret(model.settings.client_key_secret),
            cluster_name=cluster.eks.created_name,
            routers=platform.routers,
            monitoring_namespace=platform.monitoring.namespace if platform.monitoring else None,
            load_balancer_cidrs=_load_balancer_cidrs(plan.entry_of(model), plan),
            vpc_cidrs=plan.vpc_cidrs,
            clients=gateway_clients(model, plan),
            versions={name: made[name] for name in model.traffic if name != model.name},
            after=[*before, *fetched.get(model.weights.model_path, []), *stores.get(model.name, [])],
            entry_after=platform.before_entries,
            opts=cluster.inside,
        )
    return [made[model.name] for model in plan.models]


def _autoscaling(
    ctx: Context, cluster: Cluster, *, namespace: InferenceNamespace, platform: Platform, models: list[Model]
) -> None:
    """What scales the groups by what Prometheus knows of them."""
    if platform.keda is None or platform.monitoring is None:
        return
    for model in models:
        if any(group.scaling for group in model.plan.groups):
            Autoscaling(
                f"{model.name}-autoscaling",
                ctx,
                model.plan,
                namespace=namespace.namespace,
                prometheus_url=platform.monitoring.prometheus_url,
                # KEDA takes its finalizer off at the end; a ScaledObject whose groups are missing is in error.
                after=[*platform.keda.ready, *model.ready],
                opts=cluster.inside,
            )


def _load_balancer_cidrs(entry: EntrySettings | None, plan: Plan) -> tuple[str, ...]:
    """The networks in which the load balancer that an entry asks for has its addresses; none without an entry."""
    if entry is None:
        return ()
    internal = entry.scheme == "internal"
    return plan.network.internal_load_balancer_cidrs if internal else plan.network.public_load_balancer_cidrs


def _export(
    settings: StackSettings, plan: Plan, models: list[Model], platform: Platform, gateway: Gateway | None
) -> None:
    """Outputs: how to reach everything, and what it costs; never a credential."""
    name, region = settings.cluster.name, settings.region
    pulumi.export("clusterName", name)
    pulumi.export("kubeconfigCommand", f"aws eks update-kubeconfig --region {region} --name {name}")
    pulumi.export("models", {model.plan.name: model.plan.settings.served for model in models})
    pulumi.export("endpoints", {model.plan.name: model.endpoint for model in models})
    pulumi.export("urls", {model.plan.name: model.url for model in models if model.url is not None})
    if gateway is not None:
        pulumi.export("gateway", {"endpoint": gateway.endpoint, "url": gateway.url})
    pulumi.export("cost", plan.cost.summary())
    if platform.monitoring:
        pulumi.export("grafanaCommand", platform.monitoring.grafana_command)
