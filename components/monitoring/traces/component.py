"""Traces: the collector to which engines and routers send spans, and Tempo where X-Ray does not keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import allow
from components.base import Component, Context
from components.facts import pins
from components.kube import PodSecurity, release
from components.monitoring.bucket import store_bucket, store_rights
from components.monitoring.traces import collector, tempo
from components.monitoring.traces.plan import OTLP_PORT, TRACES_NAMESPACE, TracePlan
from components.monitoring.traffic import closed_namespace
from components.network_policies import Spec, aws_apis, opened, pods_of, prometheus

XRAY_ACTIONS = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
"""What the collector's exporter calls (opentelemetry-collector-contrib exporter/awsxrayexporter)."""


class Traces(Component):
    """The collector on the nodes of `node_selector`, and Tempo or the right to write to X-Ray.

    `monitoring_namespace` is where Prometheus and Grafana are, None where there is no monitoring; then no
    ServiceMonitor is made, whose kind would be missing. `after` are also the namespaces of the senders, which get the
    way to the collector opened. A sender whose collector is not there drops spans and serves on.
    """

    token = "sglang-hyperpod:monitoring:Traces"

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: TracePlan,
        *,
        cluster_name: pulumi.Input[str],
        storage_class: str,
        node_selector: Mapping[str, str],
        monitoring_namespace: str | None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.plan = plan
        self.monitoring_namespace = monitoring_namespace
        room = closed_namespace(self, TRACES_NAMESPACE, PodSecurity.RESTRICTED, self._openings())
        needed = [*room]
        if plan.destination == "tempo":
            self._tempo(cluster_name, storage_class, node_selector, room)
        else:
            needed += PodIdentity(
                f"{name}-collector-identity",
                ctx,
                cluster_name=cluster_name,
                namespace=TRACES_NAMESPACE,
                service_account=collector.SERVICE_ACCOUNT,
                # X-Ray knows no resource for them (Service Authorization Reference, AWS X-Ray).
                statements=[allow(XRAY_ACTIONS, ["*"], sid="WriteTraces")],
                opts=self.child(),
            ).ready
        self.release = release(
            f"{name}-collector",
            replace(pins.OPENTELEMETRY_COLLECTOR, version=plan.settings.chart_version),
            collector.values(
                plan, region=ctx.region, node_selector=node_selector, metrics=monitoring_namespace is not None
            ),
            # Credentials are injected when a pod is admitted: one that came first would have none.
            self.child_after(*needed),
            namespace=TRACES_NAMESPACE,
        )
        for sender in plan.senders:
            k8s.networking.v1.NetworkPolicy(
                f"{name}-from-{sender}",
                metadata={"name": "traces", "namespace": sender},
                spec=opened({}, out=[([pods_of(TRACES_NAMESPACE, collector.LABELS)], OTLP_PORT)]),
                # The policy names the senders' namespace as text.
                opts=self.child_after(),
            )
        self.register_outputs({"destination": plan.destination})

    def _openings(self) -> dict[str, Spec]:
        senders = [pods_of(namespace, {}) for namespace in self.plan.senders]
        scraped = [prometheus(self.monitoring_namespace)] if self.monitoring_namespace else []
        metrics = [(scraped, port) for port in collector.METRICS_PORTS.values() if scraped]
        store = [pods_of(TRACES_NAMESPACE, tempo.LABELS)]
        out = [(store, OTLP_PORT)] if self.plan.destination == "tempo" else aws_apis()
        openings = {"collector": opened(collector.LABELS, into=[(senders, OTLP_PORT), *metrics], out=out)}
        if self.plan.destination == "tempo":
            grafana = {"app.kubernetes.io/name": "grafana"}
            readers = [*scraped, *([pods_of(self.monitoring_namespace, grafana)] if self.monitoring_namespace else [])]
            into = [([pods_of(TRACES_NAMESPACE, collector.LABELS)], OTLP_PORT)]
            into += [(readers, tempo.PORT)] if readers else []
            openings["tempo"] = opened(tempo.LABELS, into=into, out=aws_apis())
        return openings

    def _tempo(
        self,
        cluster_name: pulumi.Input[str],
        storage_class: str,
        node_selector: Mapping[str, str],
        room: list[pulumi.Resource],
    ) -> None:
        bucket = store_bucket(self, "tempo", self.plan.settings.retention_days)
        rights = store_rights(
            self,
            "tempo",
            bucket,
            cluster_name=cluster_name,
            namespace=TRACES_NAMESPACE,
            service_account=tempo.SERVICE_ACCOUNT,
        )
        release(
            f"{self.name}-tempo",
            replace(pins.TEMPO, version=self.plan.settings.tempo.chart_version),
            tempo.values(
                self.plan,
                region=self.ctx.region,
                bucket=bucket.id,
                storage_class=storage_class,
                node_selector=node_selector,
                metrics=self.monitoring_namespace is not None,
            ),
            self.child_after(*room, *rights),
            namespace=TRACES_NAMESPACE,
        )
