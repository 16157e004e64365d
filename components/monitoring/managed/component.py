"""Managed Prometheus and Grafana, Container Insights and HyperPod's observability."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.aws.eks.addons import addon
from components.aws.eks.plan import plan_addon
from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import allow, document, managed_policy, service_trust
from components.base import Component, Context
from components.monitoring.managed import plan
from components.monitoring.managed.settings import (
    ContainerInsightsSettings,
    HyperPodObservabilitySettings,
    ManagedGrafanaSettings,
    ManagedPrometheusSettings,
)


class ManagedPrometheus(Component):
    """A workspace of Managed Prometheus, of the stack's own or one that is there. It outlives a protected stack."""

    token = "sglang-hyperpod:monitoring:ManagedPrometheus"

    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """Base URL, with a slash at its end."""

    def __init__(
        self, name: str, ctx: Context, settings: ManagedPrometheusSettings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, ctx, opts)
        if settings.workspace_arn:
            self.arn = pulumi.Output.from_input(settings.workspace_arn)
            self.endpoint = pulumi.Output.from_input(plan.workspace_endpoint(settings.workspace_arn))
        else:
            workspace = aws.amp.Workspace(
                f"{name}-workspace", alias=ctx.cluster_name, tags=dict(ctx.tags), opts=self.stateful()
            )
            self.arn, self.endpoint = workspace.arn, workspace.prometheus_endpoint
        self.register_outputs({"arn": self.arn})

    @property
    def write_url(self) -> pulumi.Output[str]:
        """Where samples are written to."""
        return pulumi.Output.concat(self.endpoint, "api/v1/remote_write")


class ManagedGrafana(Component):
    """A workspace of Managed Grafana that reads what the stack keeps in AWS."""

    token = "sglang-hyperpod:monitoring:ManagedGrafana"

    endpoint: pulumi.Output[str]
    """Its host name."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: ManagedGrafanaSettings,
        *,
        prometheus: ManagedPrometheus | None,
        traces: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=service_trust("grafana.amazonaws.com"),
            description=f"Managed Grafana of {ctx.cluster_name}",
            tags=dict(ctx.tags),
            opts=self.child(),
        )
        statements = plan.read_statements(prometheus.arn if prometheus else None, traces=traces)
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=pulumi.Output.json_dumps(document(statements)),
            opts=self.child(),
        )
        sources = [*(["PROMETHEUS"] if prometheus else []), "CLOUDWATCH", *(["XRAY"] if traces else [])]
        workspace = aws.grafana.Workspace(
            f"{name}-workspace",
            name=ctx.cluster_name,
            account_access_type="CURRENT_ACCOUNT",
            authentication_providers=list(settings.authentication),
            permission_type="CUSTOMER_MANAGED",
            role_arn=role.arn,
            data_sources=sources,
            tags=dict(ctx.tags),
            # A workspace tries its role as soon as it is there.
            opts=self.child(depends_on=[policy]),
        )
        self.endpoint = workspace.endpoint
        self.register_outputs({"endpoint": self.endpoint})


class ContainerInsights(Component):
    """The add-on of Container Insights, with the identity of its agent."""

    token = "sglang-hyperpod:monitoring:ContainerInsights"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: ContainerInsightsSettings,
        *,
        cluster_name: pulumi.Input[str],
        kubernetes_version: str,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        identity = PodIdentity(
            f"{name}-identity",
            ctx,
            cluster_name=cluster_name,
            namespace=plan.CONTAINER_INSIGHTS_NAMESPACE,
            service_account=plan.CONTAINER_INSIGHTS_ACCOUNT,
            managed_policy_arns=[managed_policy("CloudWatchAgentServerPolicy", ctx.region)],
            opts=self.child(),
        )
        addon(
            self,
            plan_addon(plan.CONTAINER_INSIGHTS_ADDON, settings.version, kubernetes_version),
            cluster_name,
            configuration=plan.container_insights(settings.gpu_metrics),
            depends_on=identity.ready,
        )
        self.register_outputs({})


class HyperPodObservability(Component):
    """HyperPod's observability add-on, writing to the workspace of Managed Prometheus."""

    token = "sglang-hyperpod:monitoring:HyperPodObservability"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: HyperPodObservabilitySettings,
        *,
        prometheus: ManagedPrometheus,
        cluster_name: pulumi.Input[str],
        kubernetes_version: str,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        groups = pulumi.Output.concat(
            prometheus.arn.apply(lambda arn: ":".join(["arn", arn.split(":")[1], "logs", *arn.split(":")[3:5]])),
            ":log-group:/aws/sagemaker/Clusters/*",
        )
        logs = allow(
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [groups], sid="WriteLogs"
        )
        identity = PodIdentity(
            f"{name}-identity",
            ctx,
            cluster_name=cluster_name,
            namespace=plan.OBSERVABILITY_NAMESPACE,
            service_account=plan.OBSERVABILITY_ACCOUNT,
            statements=[*plan.write_statements(prometheus.arn), *([logs] if settings.logs else [])],
            opts=self.child(),
        )
        configuration = pulumi.Output.all(prometheus.endpoint, prometheus.arn).apply(
            lambda known: plan.observability(settings, endpoint=known[0], arn=known[1])
        )
        addon(
            self,
            plan_addon(plan.OBSERVABILITY_ADDON, settings.version, kubernetes_version),
            cluster_name,
            configuration=configuration,
            depends_on=identity.ready,
        )
        self.register_outputs({})
