"""How long the creation of a resource takes, in minutes, by its Pulumi type; unknown where no source tells.

These are published observations, not promises: a HyperPod cluster waits for capacity, a release for its images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Duration:
    """`minutes` is None where it is not known; `source` says where the number is from, or why there is none."""

    minutes: float | None
    source: str


_TERRAFORM_LOG: Final = "terraform log in DevopsArtFactory/terraform-provisioning#45, #46"
_STEAMPIPE_LOG: Final = "terraform log in turbot/steampipe-plugin-aws#693"
_HYPERPOD: Final = "awslabs/awsome-distributed-ai hyperpod-mental-model.md: 15 to 25 minutes"
_ONE_CALL: Final = "one API call, nothing is waited for (pulumi-kubernetes has no await logic for the kind)"
_UNKNOWN: Final = Duration(None, "no published figure")


def _seconds(seconds: float, source: str) -> Duration:
    return Duration(seconds / 60, source)


DURATIONS: Final[dict[str, Duration]] = {
    "aws:eks/cluster:Cluster": Duration(10, "10m6s in terraform-aws-modules/terraform-aws-eks#3218"),
    "aws:eks/nodeGroup:NodeGroup": Duration(2, f"1m48s to 1m59s, capacity being there: {_TERRAFORM_LOG}"),
    "aws:eks/addon:Addon": _seconds(
        20, "under 20 s once nodes and add-on API are there: terraform-aws-modules/terraform-aws-eks#3214"
    ),
    "aws-native:sagemaker:Cluster": Duration(20, _HYPERPOD),
    "aws:fsx/lustreFileSystem:LustreFileSystem": Duration(10, "aws-samples/aws-hpc-tutorials#289: about 10 minutes"),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": Duration(
        10, "about 10 minutes, at times more: aws-samples/amazon-eks-machine-learning-with-terraform-and-kubeflow#112"
    ),
    "aws:ec2/vpc:Vpc": _seconds(17, _STEAMPIPE_LOG),
    "aws:ec2/subnet:Subnet": _seconds(10, "terraform log in terraform-aws-modules/terraform-aws-eks#2203"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _seconds(
        1, "terraform log in terraform-aws-modules/terraform-aws-eks#2203"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _seconds(2, _TERRAFORM_LOG),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _seconds(
        3, "terraform log in hashicorp-education/learn-terraform-variables#6"
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _seconds(
        3, "terraform log in hashicorp-education/learn-terraform-variables#6"
    ),
    "aws:iam/role:Role": _seconds(7, "terraform log in turbot/steampipe-plugin-aws#131"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _seconds(1, _TERRAFORM_LOG),
    "aws:iam/instanceProfile:InstanceProfile": _seconds(1, _TERRAFORM_LOG),
}
"""What is known, by type token."""

_WAITED_FOR: Final = frozenset(
    {
        "kubernetes:apps/v1:DaemonSet",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:batch/v1:Job",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:core/v1:Pod",
        "kubernetes:core/v1:Service",
        "kubernetes:networking.k8s.io/v1:Ingress",
    }
)
"""Kinds whose creation ends when they are ready: how long that takes is the workload's own affair."""


def duration(type_: str, inputs: Mapping[str, Any] | None = None) -> Duration:
    """How long creating a resource of this type takes, `inputs` being its recorded inputs.

    A HyperPod cluster with deep health checks has no figure: they stress every node first.
    """
    if type_ == "aws-native:sagemaker:Cluster" and _deep_health_checks(inputs or {}):
        return Duration(None, "deep health checks run on every node first; no published figure")
    if type_.startswith("kubernetes:") and "helm.sh" not in type_ and type_ not in _WAITED_FOR:
        return Duration(0.0, _ONE_CALL)
    return DURATIONS.get(type_, _UNKNOWN)


def _deep_health_checks(inputs: Mapping[str, Any]) -> bool:
    groups = inputs.get("instanceGroups")
    return isinstance(groups, list) and any(
        isinstance(group, Mapping) and group.get("onStartDeepHealthChecks") for group in groups
    )
