"""The narrative: the whole stack, in the order in which it comes into being.

Data orders most of it. Where only `depends_on` can, the reason stands beside it. What needs no GPU waits for none: the
file system and the weights in it, the operators and monitoring are there before the first GPU node is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_aws_native as aws_native

from components.aws.eks.component import CoreAddons, EksCluster
from components.aws.hyperpod.component import DependencyChart, HyperPod
from components.aws.lustre.component import Lustre, LustreDriver, LustreVolume
from components.aws.network.component import Network
from components.aws.nodes.component import EksNodePool, SystemPool
from components.aws.nodes.settings import After
from components.base import PROJECT, Context
from components.gateway.component import Gateway
from components.monitoring.alertmanager import secret_files
from components.monitoring.alerts.component import Alerts
from components.monitoring.component import Monitoring, PodMonitors
from components.monitoring.dashboards.catalogue import dashboards
from components.monitoring.dashboards.grafana import to_json
from components.monitoring.datasources import data_sources, plugins, reading_statements, trace_source
from components.monitoring.efa_exporter.component import EfaExporter
from components.monitoring.logs.component import Logs
from components.monitoring.managed.component import (
    ContainerInsights,
    HyperPodObservability,
    ManagedGrafana,
    ManagedPrometheus,
)
from components.monitoring.managed.plan import write_statements
from components.monitoring.monitors import EngineTarget, RouterTarget
from components.monitoring.profile import remote_write
from components.monitoring.traces.component import Traces
from components.platform.efa.component import EfaPlugin
from components.platform.gpu_operator.component import GpuOperator
from components.platform.keda.component import Keda
from components.platform.load_balancer.component import LoadBalancerController
from components.platform.lws.component import LeaderWorkerSetController
from components.serving.autoscaling.component import Autoscaling
from components.serving.component import InferenceNamespace, Model, RouterNamespace, WeightsPrefetch
from components.serving.entry.settings import EntrySettings
from components.serving.names import NAMESPACE
from components.serving.namespace.plan import plan_namespace
from components.serving.router.arguments import METRICS_PORT
from components.serving.router.objects import selector
from components.serving.weights.job import prefetches
from infra.gateway import deploy_gateway, gateway_clients
from infra.plan import Plan
from infra.plan.dashboards import dashboard_parts
from infra.settings import StackSettings
from infra.stores import deploy_stores


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster with its CPU nodes: what everything later stands on.

    `cloud` are the options of a component that makes AWS resources only; `inside` those of one in the cluster, which
    add the Kubernetes provider. `usable` is what pods wait for: nodes, name resolution and volumes.
    """

    network: Network
    eks: EksCluster
    storage_class: str
    cloud: pulumi.ResourceOptions
    inside: pulumi.ResourceOptions
    usable: list[pulumi.Resource]


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
    cluster = _cluster(ctx, settings, plan)
    namespace = InferenceNamespace("inference", ctx, plan_namespace(plan.models), opts=cluster.inside)
    weights = _weights(ctx, settings, plan, cluster, namespace)
    platform = _platform(ctx, settings, plan, cluster, namespace)
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


def _cluster(ctx: Context, settings: StackSettings, plan: Plan) -> Cluster:
    """Network, control plane, and the CPU nodes on which everything else starts."""
    aws_provider = aws.Provider("aws", region=settings.region)
    native_provider = aws_native.Provider("aws-native", region=settings.region)
    cloud = pulumi.ResourceOptions(providers=[aws_provider, native_provider])
    network = Network("network", ctx, plan.network, opts=cloud)
    eks = EksCluster(
        "cluster",
        ctx,
        settings.cluster,
        vpc_id=network.vpc_id,
        control_plane_subnet_ids=network.control_plane_subnet_ids,
        node_security_group_id=network.node_security_group_id,
        opts=cloud,
    )
    system_pool = SystemPool(
        "system-pool",
        ctx,
        plan.system_pool,
        cluster_name=eks.created_name,
        cluster_version=settings.cluster.kubernetes_version,
        subnet_ids=list(network.node_subnets.values()),
        security_group_ids=[network.node_security_group_id, eks.cluster_security_group_id],
        # A node that comes before its routes cannot join, and one before the VPC CNI never gets ready.
        after=[*network.egress_ready, *eks.node_addons],
        opts=cloud,
    )
    inside = pulumi.ResourceOptions(providers=[aws_provider, native_provider, eks.kube])
    addons = CoreAddons(
        "addons",
        ctx,
        settings.cluster,
        cluster_name=eks.created_name,
        node_selector=plan.system_pool.node_selector,
        # An add-on whose pods find no node stays degraded, and its creation fails.
        after=system_pool.ready,
        opts=inside,
    )
    return Cluster(network, eks, addons.storage_class, cloud, inside, usable=addons.ready)


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


def _platform(
    ctx: Context, settings: StackSettings, plan: Plan, cluster: Cluster, namespace: InferenceNamespace
) -> Platform:
    """Monitoring, operators, controllers and device plugins; none of them waits for a GPU node."""
    on_system = plan.system_pool.node_selector
    tolerations = plan.gpu_tolerations
    chosen = settings.platform
    routers = _routers(ctx, plan, cluster, namespace)
    managed = (
        ManagedPrometheus("managed-prometheus", ctx, settings.monitoring.managed_prometheus, opts=cluster.cloud)
        if remote_write(settings.monitoring)
        else None
    )
    monitoring = _monitoring(ctx, settings, plan, cluster, namespace, routers, managed)
    metrics = monitoring is not None
    _managed(ctx, settings, plan, cluster, managed)
    _logs(ctx, plan, cluster, monitoring)
    _efa_counters(ctx, settings, plan, cluster, monitoring)
    _traces(ctx, plan, cluster, monitoring, [*namespace.ready, *(routers.ready if routers else ())])
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
    before_engines = [*lws.ready, *gpu_operator.ready]
    if monitoring is not None:
        alerts = Alerts(
            "alerts",
            ctx,
            plan.alerts,
            namespace=monitoring.namespace,
            # The kind PrometheusRule comes with the operator.
            after=monitoring.ready,
            opts=inside,
        )
        # No failure of an engine comes before its alert.
        before_engines += alerts.ready
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


def _monitoring(
    ctx: Context,
    settings: StackSettings,
    plan: Plan,
    cluster: Cluster,
    namespace: InferenceNamespace,
    routers: RouterNamespace | None,
    managed: ManagedPrometheus | None,
) -> Monitoring | None:
    """Prometheus and Grafana, and what they scrape of engines and routers, which is there before those are."""
    if not settings.monitoring.enabled:
        return None
    xray = settings.monitoring.grafana.xray_plugin_version is not None
    monitoring = Monitoring(
        "monitoring",
        ctx,
        settings.monitoring,
        cluster_name=cluster.eks.created_name,
        storage_class=cluster.storage_class,
        node_selector=plan.system_pool.node_selector,
        admin_password=_secret(settings.monitoring.grafana.admin_password_secret),
        receiver_secrets=_secrets(secret_files(settings.monitoring.alertmanager)),
        dashboards={board.uid: to_json(board) for board in dashboards(dashboard_parts(plan))},
        data_sources=data_sources(plan.telemetry.logs, plan.telemetry.traces, region=ctx.region, xray_plugin=xray),
        trace_source=trace_source(plan.telemetry.traces),
        grafana_plugins=plugins(plan.telemetry.traces, xray_plugin=settings.monitoring.grafana.xray_plugin_version),
        managed_prometheus=(managed.write_url, write_statements(managed.arn)) if managed else None,
        grafana_reads=reading_statements(
            plan.telemetry.logs, plan.telemetry.traces, region=ctx.region, xray_plugin=xray
        ),
        after=cluster.usable,
        opts=cluster.inside,
    )
    PodMonitors(
        "engine-monitors",
        ctx,
        namespace=namespace.namespace,
        targets=[
            EngineTarget(group.name, model.name, group.role, model.engine_version, set_name=group.set_name)
            for model in plan.models
            for group in model.groups
        ],
        interval_seconds=settings.monitoring.scrape_interval_seconds,
        # The kind PodMonitor comes with the operator.
        after=monitoring.ready,
        opts=cluster.inside,
    )
    if routers is not None:
        PodMonitors(
            "router-monitors",
            ctx,
            namespace=routers.namespace,
            targets=[
                RouterTarget(model.router.name, model.name, selector(model.router.name), METRICS_PORT)
                for model in plan.models
                if model.router
            ],
            interval_seconds=settings.monitoring.scrape_interval_seconds,
            # The kind PodMonitor comes with the operator.
            after=monitoring.ready,
            opts=cluster.inside,
        )
    return monitoring


def _logs(ctx: Context, plan: Plan, cluster: Cluster, monitoring: Monitoring | None) -> None:
    """What reads the workload's logs on every node, GPU nodes among them once they are there."""
    if plan.telemetry.logs is None:
        return
    Logs(
        "logs",
        ctx,
        plan.telemetry.logs,
        cluster_name=cluster.eks.created_name,
        storage_class=cluster.storage_class,
        node_selector=plan.system_pool.node_selector,
        tolerations=plan.gpu_tolerations,
        monitoring_namespace=monitoring.namespace if monitoring else None,
        # Pods need nodes and names, Loki its volume, and a chart that holds a ServiceMonitor that kind.
        after=[*cluster.usable, *(monitoring.ready if monitoring else ())],
        opts=cluster.inside,
    )


def _efa_counters(
    ctx: Context, settings: StackSettings, plan: Plan, cluster: Cluster, monitoring: Monitoring | None
) -> None:
    """The exporter of EFA counters, on GPU nodes once they are there."""
    if monitoring is None or not plan.efa_exported:
        return
    EfaExporter(
        "efa-exporter",
        ctx,
        settings.monitoring.efa_exporter,
        instance_types=plan.efa_instance_types,
        tolerations=plan.gpu_tolerations,
        monitoring_namespace=monitoring.namespace,
        interval_seconds=settings.monitoring.scrape_interval_seconds,
        # The kind PodMonitor comes with the operator.
        after=monitoring.ready,
        opts=cluster.inside,
    )


def _traces(
    ctx: Context,
    plan: Plan,
    cluster: Cluster,
    monitoring: Monitoring | None,
    senders: list[pulumi.Resource],
) -> None:
    """The collector of spans and what stores them."""
    if plan.telemetry.traces is None:
        return
    Traces(
        "traces",
        ctx,
        plan.telemetry.traces,
        cluster_name=cluster.eks.created_name,
        storage_class=cluster.storage_class,
        node_selector=plan.system_pool.node_selector,
        monitoring_namespace=monitoring.namespace if monitoring else None,
        # Pods need nodes and names, Tempo its volume, a chart that holds a ServiceMonitor that kind, and the policies
        # in the senders' namespaces those.
        after=[*cluster.usable, *senders, *(monitoring.ready if monitoring else ())],
        opts=cluster.inside,
    )


def _managed(
    ctx: Context, settings: StackSettings, plan: Plan, cluster: Cluster, prometheus: ManagedPrometheus | None
) -> None:
    """What AWS runs of monitoring, as far as it is chosen."""
    chosen = settings.monitoring
    if chosen.managed_grafana.enabled:
        traces = plan.telemetry.traces is not None and plan.telemetry.traces.destination == "xray"
        ManagedGrafana(
            "managed-grafana", ctx, chosen.managed_grafana, prometheus=prometheus, traces=traces, opts=cluster.cloud
        )
    eks: dict[str, Any] = {
        "cluster_name": cluster.eks.created_name,
        "kubernetes_version": settings.cluster.kubernetes_version,
        # An add-on whose pods find no node stays degraded, and its creation fails.
        "after": cluster.usable,
        "opts": cluster.cloud,
    }
    if chosen.container_insights.enabled:
        ContainerInsights("container-insights", ctx, chosen.container_insights, **eks)
    if chosen.hyperpod_observability.enabled and prometheus is not None:
        HyperPodObservability(
            "hyperpod-observability", ctx, chosen.hyperpod_observability, prometheus=prometheus, **eks
        )


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
            token=_secret(model.weights.token_secret),
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
            api_key=_secret(model.settings.client_key_secret),
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


def _secrets(files: Mapping[str, str]) -> dict[str, pulumi.Output[str]]:
    """Secrets of the stack's configuration by the files that they become."""
    return {file: pulumi.Config(PROJECT).require_secret(name) for file, name in files.items()}


def _secret(name: str | None) -> pulumi.Output[str] | None:
    """A secret of the stack's configuration by its name; the rules made sure that it is there."""
    return None if name is None else pulumi.Config(PROJECT).require_secret(name)
