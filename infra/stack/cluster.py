"""The part of the narrative about the cluster: network, control plane, and the CPU nodes on which all else starts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_aws_native as aws_native

from components.aws.eks.component import CoreAddons, EksCluster
from components.aws.network.component import Network
from components.aws.nodes.component import SystemPool
from components.base import Context
from infra.plan import Plan
from infra.settings import StackSettings


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


def deploy_cluster(ctx: Context, settings: StackSettings, plan: Plan) -> Cluster:
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
