"""Monitoring in the cluster: kube-prometheus-stack, what it scrapes of the engines, and the dashboards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import Statement, allow
from components.base import Component, Context
from components.facts import pins
from components.kube import PodSecurity, custom_object, namespace, release
from components.monitoring.alertmanager import SECRET, SERVICE_ACCOUNT
from components.monitoring.monitors import Target
from components.monitoring.settings import MonitoringSettings
from components.monitoring.values import (
    DASHBOARD_LABEL,
    DATA_SOURCE_LABEL,
    FOLDER_ANNOTATION,
    GRAFANA_ADMIN,
    GRAFANA_SERVICE,
    NAMESPACE,
    NODE_EXPORTER_NAMESPACE,
    PROMETHEUS_ACCOUNT,
    PROMETHEUS_URL,
    RELEASE,
    values,
    written_to,
)

DASHBOARD_FOLDER = "SGLang"
GRAFANA_COMMAND = f"kubectl --namespace {NAMESPACE} port-forward service/{GRAFANA_SERVICE} 3000:80"
"""Grafana has no way in from outside; this brings it to http://localhost:3000."""


class Monitoring(Component):
    """Prometheus, Alertmanager and Grafana on the nodes of `node_selector`, with volumes of `storage_class`.

    Whatever makes a PodMonitor, ServiceMonitor or PrometheusRule depends on `ready`: the release brings these kinds.
    `dashboards` maps a ConfigMap's name to a Grafana dashboard. `admin_password` is Grafana's, or the chart draws one.
    `receiver_secrets` are the files that Alertmanager's receivers read, by name (`alertmanager.secret_files`).
    `data_sources` are Grafana's beside Prometheus; `grafana_reads` what its pods may read in AWS for them.
    `trace_source` is the one to which exemplars lead, `grafana_plugins` what Grafana fetches when it starts.
    `managed_prometheus` is the URL to which Prometheus writes too, with what its pods may do there.
    `grafana_command` brings Grafana to the user's machine; None where it does not run.
    """

    token = "sglang-hyperpod:monitoring:Monitoring"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: MonitoringSettings,
        *,
        cluster_name: pulumi.Input[str],
        storage_class: str = "gp3",
        node_selector: Mapping[str, str] | None = None,
        admin_password: pulumi.Input[str] | None = None,
        receiver_secrets: Mapping[str, pulumi.Input[str]] | None = None,
        dashboards: Mapping[str, Mapping[str, Any]] | None = None,
        data_sources: Sequence[Mapping[str, Any]] = (),
        grafana_reads: Sequence[Statement] = (),
        trace_source: str | None = None,
        grafana_plugins: Sequence[str] = (),
        managed_prometheus: tuple[pulumi.Input[str], Sequence[Statement]] | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.namespace = NAMESPACE
        self.prometheus_url = PROMETHEUS_URL
        # The namespace takes its claims with it when it goes: a volume driver that left first would leave their disks.
        room = namespace(f"{name}-namespace", NAMESPACE, PodSecurity.RESTRICTED, self.child_after())
        rooms: list[pulumi.Resource] = [room]
        if settings.node_exporter:
            rooms.append(
                namespace(f"{name}-node-exporter", NODE_EXPORTER_NAMESPACE, PodSecurity.PRIVILEGED, self.child())
            )
        in_room = self.child(depends_on=rooms)  # objects and release name their namespace as text
        needed: list[pulumi.Resource] = [*rooms]
        if admin_password is not None:
            needed.append(_admin_secret(name, admin_password, in_room))
        if receiver_secrets:
            needed.append(_receiver_secret(name, receiver_secrets, in_room))
        topics = [receiver.sns.topic_arn for receiver in settings.alertmanager.receivers if receiver.sns]
        if settings.alertmanager.enabled and topics:
            needed += PodIdentity(
                f"{name}-alertmanager",
                ctx,
                cluster_name=cluster_name,
                namespace=NAMESPACE,
                service_account=SERVICE_ACCOUNT,
                statements=[allow(["sns:Publish"], sorted(set(topics)), sid="Alerts")],
                opts=self.child(),
            ).ready
        if settings.grafana.enabled and grafana_reads:
            # Credentials are injected when a pod is admitted: a Grafana that came first would have none.
            needed += PodIdentity(
                f"{name}-grafana-identity",
                ctx,
                cluster_name=cluster_name,
                namespace=NAMESPACE,
                service_account=GRAFANA_SERVICE,
                statements=grafana_reads,
                opts=self.child(),
            ).ready
        if managed_prometheus:
            needed += PodIdentity(
                f"{name}-prometheus-identity",
                ctx,
                cluster_name=cluster_name,
                namespace=NAMESPACE,
                service_account=PROMETHEUS_ACCOUNT,
                statements=managed_prometheus[1],
                opts=self.child(),
            ).ready
        if settings.grafana.enabled and data_sources:
            # Grafana reads them when it starts.
            needed.append(_data_sources(name, data_sources, in_room))
        self.release = release(
            f"{name}-release",
            replace(pins.KUBE_PROMETHEUS_STACK, version=settings.chart_version),
            values(
                settings,
                cluster_name=ctx.cluster_name,
                storage_class=storage_class,
                node_selector=node_selector or {},
                keep_volumes=ctx.protect,
                admin_secret=admin_password is not None,
                trace_source=trace_source,
                plugins=grafana_plugins,
                remote_write=written_to(managed_prometheus[0], ctx.region) if managed_prometheus else None,
            ),
            self.child_after(*needed),  # its pods start with what they find
            namespace=NAMESPACE,
            release_name=RELEASE,
            timeout=900,
        )
        if settings.grafana.enabled:
            for dashboard_name, model in (dashboards or {}).items():
                _dashboard(f"{name}-{dashboard_name}", dashboard_name, model, in_room)
        self.grafana_command = GRAFANA_COMMAND if settings.grafana.enabled else None
        self.ready: list[pulumi.Resource] = [self.release]
        self.register_outputs({"namespace": self.namespace, "prometheusUrl": self.prometheus_url})


class PodMonitors(Component):
    """A PodMonitor for each target, in the namespace of its pods.

    It waits for the Prometheus operator (`Monitoring.ready`, by `after`), not for the pods, which it precedes.
    """

    token = "sglang-hyperpod:monitoring:PodMonitors"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        namespace: pulumi.Input[str],
        targets: Sequence[Target],
        interval_seconds: int = 15,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.monitors = [
            custom_object(
                f"{name}-{target.name}",
                "monitoring.coreos.com/v1",
                "PodMonitor",
                {"name": target.name, "namespace": namespace},
                self.child_after(),
                spec=target.pod_monitor(interval_seconds=interval_seconds),
            )
            for target in targets
        ]
        self.register_outputs({})


def _admin_secret(name: str, password: pulumi.Input[str], opts: pulumi.ResourceOptions) -> k8s.core.v1.Secret:
    return k8s.core.v1.Secret(
        f"{name}-grafana-admin",
        metadata={"name": GRAFANA_ADMIN, "namespace": NAMESPACE},
        string_data={"admin-user": "admin", "admin-password": pulumi.Output.secret(password)},
        opts=opts,
    )


def _data_sources(
    name: str, sources: Sequence[Mapping[str, Any]], opts: pulumi.ResourceOptions
) -> k8s.core.v1.ConfigMap:
    """Data sources where Grafana's sidecar looks for them."""
    return k8s.core.v1.ConfigMap(
        f"{name}-data-sources",
        metadata={"name": "data-sources", "namespace": NAMESPACE, "labels": {DATA_SOURCE_LABEL: "1"}},
        data={"data-sources.yaml": json.dumps({"apiVersion": 1, "datasources": list(sources)}, indent=1)},
        opts=opts,
    )


def _receiver_secret(
    name: str, files: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
) -> k8s.core.v1.Secret:
    """What Alertmanager's receivers need, a file for each."""
    return k8s.core.v1.Secret(
        f"{name}-receivers",
        metadata={"name": SECRET, "namespace": NAMESPACE},
        string_data={file: pulumi.Output.secret(value) for file, value in files.items()},
        opts=opts,
    )


def _dashboard(
    logical_name: str, name: str, model: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> k8s.core.v1.ConfigMap:
    """A dashboard where Grafana's sidecar looks for it."""
    return k8s.core.v1.ConfigMap(
        logical_name,
        metadata={
            "name": name,
            "namespace": NAMESPACE,
            "labels": {DASHBOARD_LABEL: "1"},
            "annotations": {FOLDER_ANNOTATION: DASHBOARD_FOLDER},
        },
        data={f"{name}.json": json.dumps(model, indent=1, sort_keys=True)},
        opts=opts,
    )
