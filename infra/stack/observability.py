"""The part of the narrative about metrics, logs, traces and alerts, which are there before what they tell of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.base import Context
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
from components.serving.component import InferenceNamespace, RouterNamespace
from components.serving.router.arguments import METRICS_PORT
from components.serving.router.objects import selector
from infra.plan import Plan
from infra.plan.dashboards import dashboard_parts
from infra.settings import StackSettings
from infra.stack.cluster import Cluster
from infra.stack.secrets import secret, secrets


@dataclass(frozen=True, slots=True)
class Observability:
    """What tells of the stack: `monitoring` is None where there is none; engines wait for the `alerts`, so that no
    failure of theirs comes before its alert.
    """

    monitoring: Monitoring | None
    alerts: list[pulumi.Resource]


def deploy_observability(
    ctx: Context,
    settings: StackSettings,
    plan: Plan,
    cluster: Cluster,
    namespace: InferenceNamespace,
    routers: RouterNamespace | None,
) -> Observability:
    """Metrics, logs, traces and alerts, in the cluster and in AWS; none of it waits for a GPU node."""
    managed = (
        ManagedPrometheus("managed-prometheus", ctx, settings.monitoring.managed_prometheus, opts=cluster.cloud)
        if remote_write(settings.monitoring)
        else None
    )
    monitoring = _monitoring(ctx, settings, plan, cluster, namespace, routers, managed)
    _managed(ctx, settings, plan, cluster, managed)
    _logs(ctx, plan, cluster, monitoring)
    _efa_counters(ctx, settings, plan, cluster, monitoring)
    _traces(ctx, plan, cluster, monitoring, [*namespace.ready, *(routers.ready if routers else ())])
    return Observability(monitoring, _alerts(ctx, plan, cluster, monitoring))


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
        admin_password=secret(settings.monitoring.grafana.admin_password_secret),
        receiver_secrets=secrets(secret_files(settings.monitoring.alertmanager)),
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


def _alerts(ctx: Context, plan: Plan, cluster: Cluster, monitoring: Monitoring | None) -> list[pulumi.Resource]:
    """The rules: what to wait for."""
    if monitoring is None:
        return []
    return Alerts(
        "alerts",
        ctx,
        plan.alerts,
        namespace=monitoring.namespace,
        # The kind PrometheusRule comes with the operator.
        after=monitoring.ready,
        opts=cluster.inside,
    ).ready
