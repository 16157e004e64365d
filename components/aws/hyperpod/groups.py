"""Instance groups of the HyperPod cluster, from the planned pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws_native import sagemaker

from components.aws.nodes.plan import POOL_LABEL, PoolPlan
from components.aws.nodes.settings import CapacityKind


def instance_group(
    pool: PoolPlan,
    *,
    role_arn: pulumi.Input[str],
    subnets: Mapping[str, pulumi.Input[str]],
    security_group_ids: Sequence[pulumi.Input[str]],
    lifecycle: sagemaker.ClusterLifeCycleConfigArgs | None,
) -> sagemaker.ClusterInstanceGroupArgs:
    """One pool as an instance group, pinned to the one subnet of its zone.

    `threads_per_core` is always sent: left out of an update it falls back to 1 on some types and halves the vCPUs.
    """
    settings = pool.settings
    checks = [sagemaker.ClusterDeepHealthCheckType(check) for check in settings.deep_health_checks]
    return sagemaker.ClusterInstanceGroupArgs(
        instance_group_name=pool.name,
        instance_type=pool.instance_type,
        instance_count=pool.nodes,
        min_instance_count=settings.min_nodes,
        execution_role=role_arn,
        life_cycle_config=lifecycle,
        threads_per_core=settings.threads_per_core,
        instance_storage_configs=[
            sagemaker.ClusterInstanceStorageConfigArgs(
                ebs_volume_config=sagemaker.ClusterEbsVolumeConfigArgs(volume_size_in_gb=settings.storage_gib)
            )
        ],
        override_vpc_config=sagemaker.ClusterVpcConfigArgs(
            security_group_ids=list(security_group_ids), subnets=[subnets[pool.zone]]
        ),
        kubernetes_config=sagemaker.ClusterKubernetesConfigArgs(
            labels={**settings.labels, POOL_LABEL: pool.name},
            taints=[
                sagemaker.ClusterKubernetesTaintArgs(
                    key=taint.key, value=taint.value, effect=sagemaker.ClusterKubernetesTaintEffect(taint.effect)
                )
                for taint in pool.taints
            ],
        ),
        capacity_requirements=_spot(pool),
        training_plan_arn=pool.capacity.arn,
        on_start_deep_health_checks=checks or None,
        image_release_version=settings.image_release_version,
    )


def _spot(pool: PoolPlan) -> sagemaker.ClusterCapacityRequirementsArgs | None:
    if pool.capacity.kind is not CapacityKind.SPOT:
        return None
    return sagemaker.ClusterCapacityRequirementsArgs(spot=sagemaker.ClusterSpotOptionsArgs())
