"""The HyperPod cluster on an EKS cluster, with its lifecycle scripts and role, and the dependency chart before it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws
import pulumi_aws_native as aws_native
import pulumi_kubernetes as k8s
from pulumi_aws_native import sagemaker

from components.aws.hyperpod import chart
from components.aws.hyperpod.groups import instance_group
from components.aws.hyperpod.permissions import MANAGED_POLICY, execution_policy
from components.aws.hyperpod.scripts import SCRIPT, Lifecycle
from components.aws.hyperpod.settings import HyperPodSettings, LifecycleMode
from components.aws.identity.policies import managed_policy, service_trust
from components.aws.nodes.plan import PoolPlan
from components.base import Component, Context

HANDLER_LIMIT: Final = "12h"
"""How long CloudFormation's handlers wait for the cluster; less here would lose a cluster that AWS still builds."""


class DependencyChart(Component):
    """The chart that HyperPod wants in the EKS cluster before it is created: health agent, its namespace, patching."""

    token = "sglang-hyperpod:aws:DependencyChart"

    ready: list[pulumi.Resource]
    """The release: without it the creation of the HyperPod cluster may fail."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        release = k8s.helm.v3.Release(
            f"{name}-release",
            name=chart.RELEASE_NAME,
            chart=chart.CHART_REFERENCE,
            namespace=chart.RELEASE_NAMESPACE,
            create_namespace=False,
            values=chart.values(ctx.region),
            # Its DaemonSets are for HyperPod nodes, which come after it.
            skip_await=True,
            timeout=600,
            cleanup_on_fail=True,
            opts=self.child_after(),
        )
        self.ready = [release]
        self.register_outputs({"release": release.name})


class HyperPod(Component):
    """The HyperPod cluster: one instance group per pool, in the order of the settings, which must stay as it is."""

    token = "sglang-hyperpod:aws:HyperPod"

    cluster_name: str
    cluster_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    """The nodes' execution role."""
    ready: list[pulumi.Resource]
    """The cluster: in service, which in continuous mode does not yet mean that every node is there."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: HyperPodSettings,
        *,
        pools: Sequence[PoolPlan],
        cluster_arn: pulumi.Input[str],
        vpc_id: pulumi.Input[str],
        subnets: Mapping[str, pulumi.Input[str]],
        security_group_ids: Sequence[pulumi.Input[str]],
        efa_lustre: bool = False,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`subnets` by zone id, one of each pool's zone at least; `efa_lustre`: the file system is reached over EFA."""
        super().__init__(name, ctx, opts, after=after)
        zones = list(dict.fromkeys(pool.zone for pool in pools))
        lifecycle = self._lifecycle(settings, efa_lustre)
        role, policies = self._role(
            cluster_arn=cluster_arn,
            vpc_id=vpc_id,
            subnet_ids=[subnets[zone] for zone in zones],
            security_group_ids=security_group_ids,
            bucket_arn=lifecycle.bucket_arn if lifecycle else None,
        )
        config = _lifecycle_config(settings, lifecycle)
        self.cluster_name = settings.name or ctx.cluster_name
        cluster = sagemaker.Cluster(
            f"{name}-cluster",
            cluster_name=self.cluster_name,
            orchestrator=sagemaker.ClusterOrchestratorArgs(
                eks=sagemaker.ClusterOrchestratorEksConfigArgs(cluster_arn=cluster_arn)
            ),
            vpc_config=sagemaker.ClusterVpcConfigArgs(
                security_group_ids=list(security_group_ids), subnets=[subnets[zones[0]]]
            ),
            instance_groups=[
                instance_group(
                    pool,
                    role_arn=role.arn,
                    subnets=subnets,
                    security_group_ids=security_group_ids,
                    lifecycle=config,
                )
                for pool in pools
            ],
            node_recovery=sagemaker.ClusterNodeRecovery(settings.node_recovery),
            node_provisioning_mode=_provisioning_mode(settings),
            tiered_storage_config=_tiered_storage(settings),
            tags=[aws_native.TagArgs(key=key, value=value) for key, value in {**ctx.tags, "SageMaker": "true"}.items()],
            opts=self.stateful(
                # Nodes run the scripts, with the role's rights, while the cluster is being created.
                depends_on=[*self._after, *policies, *(lifecycle.ready if lifecycle else [])],
                # A changed cluster network would replace the cluster; each group names its own subnet anyway.
                ignore_changes=["vpcConfig"],
                custom_timeouts=pulumi.CustomTimeouts(create=HANDLER_LIMIT, update=HANDLER_LIMIT, delete=HANDLER_LIMIT),
            ),
        )
        self.cluster_arn = cluster.cluster_arn
        self.role_arn = role.arn
        self.ready = [cluster]
        self.register_outputs({"clusterArn": self.cluster_arn})

    def _lifecycle(self, settings: HyperPodSettings, efa_lustre: bool) -> Lifecycle | None:
        if settings.lifecycle.mode is LifecycleMode.BOOTSTRAP:
            return None
        return Lifecycle(
            f"{self.name}-lifecycle",
            self.ctx,
            settings,
            efa_lustre=efa_lustre and settings.lifecycle.efa_lustre_client,
            opts=self.child(),
        )

    def _role(
        self,
        *,
        cluster_arn: pulumi.Input[str],
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        security_group_ids: Sequence[pulumi.Input[str]],
        bucket_arn: pulumi.Output[str] | None,
    ) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        role = aws.iam.Role(
            f"{self.name}-role",
            assume_role_policy=service_trust("sagemaker.amazonaws.com"),
            description=f"HyperPod nodes of {self.ctx.cluster_name}",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        managed = aws.iam.RolePolicyAttachment(
            f"{self.name}-managed",
            role=role.name,
            policy_arn=managed_policy(MANAGED_POLICY, self.ctx.region),
            opts=self.child(),
        )
        document = pulumi.Output.all(
            cluster_arn=cluster_arn,
            vpc_id=vpc_id,
            subnet_ids=list(subnet_ids),
            security_group_ids=list(security_group_ids),
            bucket_arn=bucket_arn,
        ).apply(lambda known: json.dumps(execution_policy(**known)))
        inline = aws.iam.RolePolicy(f"{self.name}-policy", role=role.name, policy=document, opts=self.child())
        return role, [managed, inline]


def _lifecycle_config(
    settings: HyperPodSettings, lifecycle: Lifecycle | None
) -> sagemaker.ClusterLifeCycleConfigArgs | None:
    if lifecycle is None:
        return None
    if settings.lifecycle.mode is LifecycleMode.ON_INIT_COMPLETE:
        return sagemaker.ClusterLifeCycleConfigArgs(source_s3_uri=lifecycle.source, on_init_complete=SCRIPT)
    return sagemaker.ClusterLifeCycleConfigArgs(source_s3_uri=lifecycle.source, on_create=SCRIPT)


def _provisioning_mode(settings: HyperPodSettings) -> sagemaker.ClusterNodeProvisioningMode | None:
    continuous = settings.provisioning_mode == "Continuous"
    return sagemaker.ClusterNodeProvisioningMode.CONTINUOUS if continuous else None


def _tiered_storage(settings: HyperPodSettings) -> sagemaker.ClusterTieredStorageConfigArgs | None:
    if settings.tiered_storage is None:
        return None
    return sagemaker.ClusterTieredStorageConfigArgs(
        mode=sagemaker.ClusterTieredStorageConfigMode.ENABLE,
        instance_memory_allocation_percentage=settings.tiered_storage.memory_percent,
    )
