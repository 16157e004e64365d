"""What AWS bills, or somebody finds alone, says which stack it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.rules import Finding
from infra.offline.program import PROJECT
from infra.policy.check import CheckSet
from infra.policy.resource import Resource
from infra.policy.values import at, items, known, mapping

tags = CheckSet()

TAG: Final = PROJECT
"""The tag whose value is the stack's name; every resource that can carry tags has it."""

TAGGABLE: Final = frozenset(
    {
        "aws-native:sagemaker:Cluster",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/eip:Eip",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/placementGroup:PlacementGroup",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/addon:Addon",
        "aws:eks/cluster:Cluster",
        "aws:eks/nodeGroup:NodeGroup",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:kms/key:Key",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketObject:BucketObject",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "eks:index:Cluster",
    }
)
"""Types that take tags; a contract test holds the list against the SDK's own arguments."""


@tags.check("tags.stack", *sorted(TAGGABLE), source="components/base.py: Context.tags")
def resources_are_tagged(resource: Resource) -> Iterator[Finding]:
    """Whatever takes tags has the stack's."""
    if not _tagged(resource.props.get("tags")):
        yield Finding("tags", f"the tag {TAG} is missing", "give it the tags of the stack's context")


@tags.check(
    "tags.nodes", "aws:ec2/launchTemplate:LaunchTemplate", source="a template's own tags do not reach its nodes"
)
def nodes_and_their_disks_are_tagged(resource: Resource) -> Iterator[Finding]:
    """A launch template tags the instances and volumes that it makes."""
    specifications = resource.props.get("tagSpecifications")
    if not known(specifications):
        return
    tagged = {
        at(specification, "resourceType")
        for specification in items(specifications)
        if _tagged(at(specification, "tags"))
    }
    for kind in ("instance", "volume"):
        if kind not in tagged:
            yield Finding("tagSpecifications", f"each {kind} is made without the tag {TAG}", f"tag the {kind} as well")


def _tagged(value: Any) -> bool:
    """Whether tags, an object or a list of keys and values, have the stack's tag; unknown tags have."""
    if not known(value):
        return True
    if isinstance(value, Mapping):
        return bool(value.get(TAG))
    return any(mapping(tag).get("key") == TAG and mapping(tag).get("value") for tag in items(value))
