"""The workload's logs: Fluent Bit on every node, and what keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import allow
from components.base import Component, Context
from components.facts import pins
from components.kube import PodSecurity, release
from components.monitoring.bucket import store_bucket, store_rights
from components.monitoring.logs import fluent_bit, loki
from components.monitoring.logs.plan import LOKI_NAMESPACE, SHIPPER_NAMESPACE, LogPlan
from components.monitoring.traffic import closed_namespace
from components.network_policies import Spec, aws_apis, opened, pods_of, prometheus

SHIPPER_LABELS = {"app.kubernetes.io/name": "fluent-bit"}


class Logs(Component):
    """Fluent Bit on every node, and a log group in CloudWatch or Loki on the nodes of `node_selector`.

    `tolerations` answer the taints of the GPU pools. `monitoring_namespace` is where Prometheus and Grafana are, None
    where there is no monitoring; then no ServiceMonitor is made, whose kind would be missing. Nothing waits for it: a
    file is read from its beginning.
    """

    token = "sglang-hyperpod:monitoring:Logs"

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: LogPlan,
        *,
        cluster_name: pulumi.Input[str],
        storage_class: str,
        node_selector: Mapping[str, str],
        tolerations: Sequence[Mapping[str, Any]],
        monitoring_namespace: str | None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.plan = plan
        self.monitoring_namespace = monitoring_namespace
        if plan.destination == "loki":
            self._loki(cluster_name, storage_class, node_selector)
            identity: list[pulumi.Resource] = []
        else:
            identity = self._log_group(cluster_name)
        room = closed_namespace(
            self, SHIPPER_NAMESPACE, PodSecurity.PRIVILEGED, {"fluent-bit": self._shipper_traffic()}
        )
        self.release = release(
            f"{name}-fluent-bit",
            replace(pins.FLUENT_BIT, version=plan.settings.chart_version),
            fluent_bit.values(
                plan, region=ctx.region, tolerations=tolerations, metrics=monitoring_namespace is not None
            ),
            # Credentials are injected when a pod is admitted: one that came first would have none.
            self.child_after(*room, *identity),
            namespace=SHIPPER_NAMESPACE,
            skip_await=True,  # it runs on GPU nodes too, which do not exist yet
        )
        self.register_outputs({"destination": plan.destination})

    def _shipper_traffic(self) -> Spec:
        out = aws_apis()
        if self.plan.destination == "loki":
            out = [([pods_of(LOKI_NAMESPACE, loki.LABELS)], loki.PORT)]
        scraped = [([prometheus(self.monitoring_namespace)], fluent_bit.PORT)] if self.monitoring_namespace else []
        return opened(SHIPPER_LABELS, into=scraped, out=out)

    def _log_group(self, cluster_name: pulumi.Input[str]) -> list[pulumi.Resource]:
        """The log group with its retention, and the right to write streams of it alone."""
        group = aws.cloudwatch.LogGroup(
            f"{self.name}-workload",
            name=self.plan.group,
            retention_in_days=self.plan.settings.retention_days,
            # What production wrote outlives it, until its time is over.
            skip_destroy=self.ctx.protect,
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        # Fluent Bit makes streams and writes events; it looks nothing up (plugins/out_cloudwatch_logs of 5.1.1).
        write = allow(["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(group.arn, ":log-stream:*")])
        return PodIdentity(
            f"{self.name}-fluent-bit-identity",
            self.ctx,
            cluster_name=cluster_name,
            namespace=SHIPPER_NAMESPACE,
            service_account=fluent_bit.SERVICE_ACCOUNT,
            statements=[write],
            opts=self.child(),
        ).ready

    def _loki(self, cluster_name: pulumi.Input[str], storage_class: str, node_selector: Mapping[str, str]) -> None:
        bucket = store_bucket(self, "loki", self.plan.settings.retention_days)
        rights = store_rights(
            self,
            "loki",
            bucket,
            cluster_name=cluster_name,
            namespace=LOKI_NAMESPACE,
            service_account=loki.SERVICE_ACCOUNT,
        )
        itself = [pods_of(LOKI_NAMESPACE, loki.LABELS)]
        clients = [pods_of(SHIPPER_NAMESPACE, SHIPPER_LABELS)]
        if self.monitoring_namespace:
            clients += [
                prometheus(self.monitoring_namespace),
                pods_of(self.monitoring_namespace, {"app.kubernetes.io/name": "grafana"}),
            ]
        # It reaches its own ring and compactor by their Services, and so by the network.
        ring = [(itself, port) for port in loki.RING_PORTS]
        traffic = opened(loki.LABELS, into=[(clients, loki.PORT), *ring], out=[*aws_apis(), *ring])
        room = closed_namespace(self, LOKI_NAMESPACE, PodSecurity.RESTRICTED, {"loki": traffic})
        release(
            f"{self.name}-loki",
            replace(pins.LOKI, version=self.plan.settings.loki.chart_version),
            loki.values(
                self.plan,
                region=self.ctx.region,
                bucket=bucket.id,
                storage_class=storage_class,
                node_selector=node_selector,
                metrics=self.monitoring_namespace is not None,
            ),
            self.child_after(*room, *rights),
            namespace=LOKI_NAMESPACE,
        )
