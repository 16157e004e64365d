"""What the nodes of a HyperPod cluster may do in AWS: the one inline policy of the execution role.

Pure: imports no Pulumi.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from components.aws.identity.policies import allow, document

MANAGED_POLICY: Final = "AmazonSageMakerClusterInstanceRolePolicy"
"""Logs, metrics, SSM and reading buckets called `sagemaker-*`: what SageMaker itself needs on a node."""

INTERFACE_ACTIONS: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:UnassignPrivateIpAddresses",
)
"""What joins a node, which lives in SageMaker's account, to subnets and security groups of this one."""

DESCRIBE_ACTIONS: Final = (
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcs",
    "fsx:DescribeFileSystems",
)
"""Reading that AWS narrows to no resource."""

PULL_ACTIONS: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def execution_policy(
    *,
    cluster_arn: str,
    vpc_id: str,
    subnet_ids: Sequence[str],
    security_group_ids: Sequence[str],
    bucket_arn: str | None,
) -> dict[str, Any]:
    """The inline policy. Account, region and partition come from the EKS cluster's ARN, so nothing is looked up.

    The actions are those of awsome-distributed-ai@95b939c modules/sagemaker_iam_role, held to the subnets, security
    groups, bucket and cluster of this stack. Nodes live in SageMaker's account and images in several of AWS's, hence
    the open account in those ARNs. `bucket_arn` is None where there are no lifecycle scripts.
    """
    _, partition, _, region, account, _ = cluster_arn.split(":", 5)
    ec2 = f"arn:{partition}:ec2:{region}:{account}"
    service_instances = f"arn:{partition}:ec2:{region}:*:instance/*"
    interfaces = f"{ec2}:network-interface/*"
    instances = [f"{ec2}:instance/*", interfaces]
    attached = (*INTERFACE_ACTIONS, "ec2:DetachNetworkInterface")
    statements = [
        allow(["ec2:AttachNetworkInterface"], instances, sid="AttachInterfaces"),
        allow(["ec2:DetachNetworkInterface"], [service_instances, interfaces], sid="DetachInterfaces"),
        allow(["ec2:CreateTags"], [interfaces], sid="TagInterfaces"),
        allow(INTERFACE_ACTIONS, [*instances, f"{ec2}:vpc/{vpc_id}"], sid="ManageInterfaces"),
        allow(attached, [f"{ec2}:subnet/{subnet}" for subnet in subnet_ids], sid="UseSubnets"),
        allow(attached, [f"{ec2}:security-group/{group}" for group in security_group_ids], sid="UseSecurityGroups"),
        allow(DESCRIBE_ACTIONS, ["*"], sid="Describe"),
        allow(["ecr:GetAuthorizationToken"], ["*"], sid="RegistryToken"),
        allow(PULL_ACTIONS, [f"arn:{partition}:ecr:*:*:repository/*"], sid="PullImages"),
        allow(["eks-auth:AssumeRoleForPodIdentity"], [cluster_arn], sid="PodIdentity"),
    ]
    if bucket_arn:
        statements.append(allow(["s3:ListBucket"], [bucket_arn], sid="ListLifecycleScripts"))
        statements.append(allow(["s3:GetObject"], [f"{bucket_arn}/*"], sid="ReadLifecycleScripts"))
    return document(statements)


def bucket_policy(bucket_arn: str) -> dict[str, Any]:
    """Bucket policy: nothing without TLS."""
    return document(
        [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, f"{bucket_arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
    )
