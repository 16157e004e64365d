"""EKS managed node groups: the system pool on every substrate, the GPU pools on substrate `eks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from components.aws.identity.policies import managed_policy, service_trust
from components.aws.nodes.launch import base_template, capacity, network, user_data
from components.aws.nodes.plan import POOL_LABEL, SYSTEM_POOL, PoolPlan, SystemPoolPlan
from components.aws.nodes.settings import CapacityKind
from components.base import Component, Context
from components.settings import Taint

NODE_POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
"""What a node may do: join, pull images, and give pods their addresses (the VPC CNI starts before pod identities)."""

TAINT_EFFECTS: Final = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
"""Taint effects as the EKS API spells them."""

CAPACITY_TYPES: Final = {CapacityKind.SPOT: "SPOT", CapacityKind.CAPACITY_BLOCK: "CAPACITY_BLOCK"}
"""Capacity kinds that the EKS API names; the others are on-demand, with or without a reservation."""


class SystemPool(Component):
    """The CPU node group for DNS, controllers and monitoring, over the network's zones.

    `security_group_ids` must hold the cluster's own group: with a launch template EKS adds none itself.
    """

    token = "sglang-hyperpod:aws:SystemPool"

    ready: list[pulumi.Resource]
    """The node group: what needs a node to run on must wait for it."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: SystemPoolPlan,
        *,
        cluster_name: pulumi.Input[str],
        cluster_version: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        security_group_ids: Sequence[pulumi.Input[str]],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        role, policies = _node_role(self)
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            **base_template(ctx.named(SYSTEM_POOL), plan.settings.root_volume_gib),
            vpc_security_group_ids=list(security_group_ids),
            opts=self.child(),
        )
        group = aws.eks.NodeGroup(
            f"{name}-group",
            # A prefix, so that a replacement stands before the old group goes: DNS must not pause.
            node_group_name_prefix=f"{SYSTEM_POOL}-",
            cluster_name=cluster_name,
            version=cluster_version,
            release_version=plan.settings.ami_release_version,
            ami_type="AL2023_x86_64_STANDARD",
            instance_types=[plan.instance_type],
            node_role_arn=role.arn,
            subnet_ids=list(subnet_ids),
            scaling_config=_fixed_size(plan.nodes),
            launch_template=_latest(template),
            labels={**plan.settings.labels, POOL_LABEL: SYSTEM_POOL},
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            tags=dict(ctx.tags),
            # Without its policies a node never joins, and a node group whose nodes do not join fails after 20 minutes.
            opts=self.child_after(*policies),
        )
        self.ready = [group]
        self.register_outputs({"nodeGroup": group.node_group_name})


class EksNodePool(Component):
    """A GPU pool as an EKS managed node group in one subnet, with every EFA card, NVMe as RAID 0, and its capacity.

    The EFA driver reserves 5128 huge pages of 2 MiB at boot, so pods may ask for `hugepages-2Mi` without more ado.
    """

    token = "sglang-hyperpod:aws:EksNodePool"

    ready: list[pulumi.Resource]
    """The node group: its nodes have joined."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: PoolPlan,
        *,
        cluster_name: pulumi.Input[str],
        cluster_version: pulumi.Input[str],
        subnet_id: pulumi.Input[str],
        security_group_ids: Sequence[pulumi.Input[str]],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        role, policies = _node_role(self)
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            **base_template(
                ctx.named(plan.name),
                plan.settings.root_volume_gib,
                tagged=("instance", "volume", "network-interface"),
            ),
            **network(plan, security_group_ids),
            **capacity(plan),
            placement=self._placement(plan),
            user_data=user_data(plan),
            opts=self.child(),
        )
        block = plan.capacity.kind is CapacityKind.CAPACITY_BLOCK
        group = aws.eks.NodeGroup(
            f"{name}-group",
            node_group_name=plan.name,
            cluster_name=cluster_name,
            version=cluster_version,
            release_version=plan.settings.ami_release_version,
            ami_type="AL2023_x86_64_NVIDIA",
            capacity_type=CAPACITY_TYPES.get(plan.capacity.kind, "ON_DEMAND"),
            instance_types=None if block else [plan.instance_type],
            node_role_arn=role.arn,
            subnet_ids=[subnet_id],
            scaling_config=_fixed_size(plan.nodes),
            launch_template=_latest(template),
            labels={**plan.settings.labels, POOL_LABEL: plan.name},
            taints=[_taint(taint) for taint in plan.taints],
            # MINIMAL ends a node before it asks for the new one: GPUs to spare are rarely to be had.
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1, update_strategy="MINIMAL"),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            tags=dict(ctx.tags),
            # Without its policies a node never joins. A replaced group takes the name and the GPUs of the old one,
            # so the old one goes first.
            opts=self.child_after(*policies, delete_before_replace=True),
        )
        self.ready = [group]
        self.register_outputs({"nodeGroup": group.node_group_name})

    def _placement(self, plan: PoolPlan) -> aws.ec2.LaunchTemplatePlacementArgs | None:
        if not plan.placement_group:
            return None
        group = aws.ec2.PlacementGroup(
            f"{self.name}-placement", strategy="cluster", tags=self.ctx.named(plan.name), opts=self.child()
        )
        return aws.ec2.LaunchTemplatePlacementArgs(group_name=group.name)


def _node_role(component: Component) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
    name = component.name
    role = aws.iam.Role(
        f"{name}-role",
        assume_role_policy=service_trust("ec2.amazonaws.com"),
        description=f"Nodes of {name} in {component.ctx.cluster_name}",
        tags=dict(component.ctx.tags),
        opts=component.child(),
    )
    policies: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy}",
            role=role.name,
            policy_arn=managed_policy(policy, component.ctx.region),
            opts=component.child(),
        )
        for policy in NODE_POLICIES
    ]
    return role, policies


def _fixed_size(nodes: int) -> aws.eks.NodeGroupScalingConfigArgs:
    """The node count is the settings' own: nothing here scales nodes. EKS wants a maximum of at least 1."""
    return aws.eks.NodeGroupScalingConfigArgs(desired_size=nodes, min_size=nodes, max_size=max(nodes, 1))


def _latest(template: aws.ec2.LaunchTemplate) -> aws.eks.NodeGroupLaunchTemplateArgs:
    version = template.latest_version.apply(str)
    return aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=version)


def _taint(taint: Taint) -> aws.eks.NodeGroupTaintArgs:
    return aws.eks.NodeGroupTaintArgs(key=taint.key, value=taint.value, effect=TAINT_EFFECTS[taint.effect])
