"""The AWS Load Balancer Controller as a chart release with an AWS identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pulumi

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import partition
from components.base import Component, Context
from components.facts import pins
from components.kube import release
from components.platform.load_balancer.policy import statements
from components.platform.load_balancer.settings import LoadBalancerSettings
from components.platform.load_balancer.values import INGRESS_CLASS, SERVICE_ACCOUNT, values


class LoadBalancerController(Component):
    """The controller, in `kube-system` on the nodes of `node_selector`, its role and its CRDs.

    Every Ingress depends on `ready`: the controller must be there at the end to delete the load balancer and take its
    finalizer off, or the load balancer stays and keeps its subnets from being deleted. `metrics`: make a
    ServiceMonitor, which needs the Prometheus operator's CRDs to be there.
    """

    token = "sglang-hyperpod:platform:LoadBalancerController"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: LoadBalancerSettings,
        *,
        cluster_name: pulumi.Input[str],
        vpc_id: pulumi.Input[str],
        node_selector: Mapping[str, str] | None = None,
        metrics: bool = False,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.namespace = "kube-system"
        self.ingress_class = INGRESS_CLASS
        identity = PodIdentity(
            f"{name}-identity",
            ctx,
            cluster_name=cluster_name,
            namespace=self.namespace,
            service_account=SERVICE_ACCOUNT,
            statements=statements(partition(ctx.region)),
            opts=self.child(),
        )
        self.release = release(
            f"{name}-release",
            replace(pins.LOAD_BALANCER_CONTROLLER, version=settings.chart_version),
            values(
                settings,
                cluster_name=ctx.cluster_name,
                region=ctx.region,
                vpc_id=vpc_id,
                node_selector=node_selector or {},
                metrics=metrics,
            ),
            # Credentials are injected when a pod is admitted: a controller that came first would have none.
            self.child_after(*identity.ready),
            namespace=self.namespace,
        )
        self.role_arn = identity.role_arn
        self.ready: list[pulumi.Resource] = [self.release]
        self.register_outputs({"roleArn": self.role_arn})
