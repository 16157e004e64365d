"""What a change replaces, held against CloudFormation's schemas, aws-native's lists and the Pulumi SDKs."""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from importlib import import_module
from importlib.resources import files

import pytest

from components.facts.replaces import REPLACES

CLOUDFORMATION = {
    "aws:cloudwatch/logGroup:LogGroup": "AWS::Logs::LogGroup",
    "aws:ec2/eip:Eip": "AWS::EC2::EIP",
    "aws:ec2/flowLog:FlowLog": "AWS::EC2::FlowLog",
    "aws:ec2/internetGateway:InternetGateway": "AWS::EC2::InternetGateway",
    "aws:ec2/launchTemplate:LaunchTemplate": "AWS::EC2::LaunchTemplate",
    "aws:ec2/natGateway:NatGateway": "AWS::EC2::NatGateway",
    "aws:ec2/placementGroup:PlacementGroup": "AWS::EC2::PlacementGroup",
    "aws:ec2/route:Route": "AWS::EC2::Route",
    "aws:ec2/routeTable:RouteTable": "AWS::EC2::RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup": "AWS::EC2::SecurityGroup",
    "aws:ec2/subnet:Subnet": "AWS::EC2::Subnet",
    "aws:ec2/vpc:Vpc": "AWS::EC2::VPC",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "AWS::EC2::VPCEndpoint",
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": "AWS::EC2::VPCCidrBlock",
    "aws:eks/accessEntry:AccessEntry": "AWS::EKS::AccessEntry",
    "aws:eks/addon:Addon": "AWS::EKS::Addon",
    "aws:eks/cluster:Cluster": "AWS::EKS::Cluster",
    "aws:eks/nodeGroup:NodeGroup": "AWS::EKS::Nodegroup",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "AWS::EKS::PodIdentityAssociation",
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": "AWS::FSx::DataRepositoryAssociation",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "AWS::FSx::FileSystem",
    "aws:iam/instanceProfile:InstanceProfile": "AWS::IAM::InstanceProfile",
    "aws:iam/policy:Policy": "AWS::IAM::ManagedPolicy",
    "aws:iam/role:Role": "AWS::IAM::Role",
    "aws:iam/rolePolicy:RolePolicy": "AWS::IAM::RolePolicy",
    "aws:kms/alias:Alias": "AWS::KMS::Alias",
    "aws:kms/key:Key": "AWS::KMS::Key",
    "aws:s3/bucket:Bucket": "AWS::S3::Bucket",
    "aws:s3/bucketPolicy:BucketPolicy": "AWS::S3::BucketPolicy",
    "aws-native:sagemaker:Cluster": "AWS::SageMaker::Cluster",
}

OTHER_NAMES = {
    "aws:cloudwatch/logGroup:LogGroup": {"logGroupName": "name"},
    "aws:ec2/flowLog:FlowLog": {
        "deliverLogsPermissionArn": "iamRoleArn",
        "logGroupName": "logDestination",
        "resourceId": "vpcId",
        "resourceType": "vpcId",
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {"launchTemplateName": "name"},
    "aws:ec2/natGateway:NatGateway": {"privateIpAddress": "privateIp"},
    "aws:ec2/securityGroup:SecurityGroup": {"groupDescription": "description", "groupName": "name"},
    "aws:eks/nodeGroup:NodeGroup": {
        "nodegroupName": "nodeGroupName",
        "nodeRole": "nodeRoleArn",
        "subnets": "subnetIds",
    },
    "aws:iam/instanceProfile:InstanceProfile": {"instanceProfileName": "name"},
    "aws:iam/policy:Policy": {"managedPolicyName": "name"},
    "aws:iam/role:Role": {"roleName": "name"},
    "aws:iam/rolePolicy:RolePolicy": {"policyName": "name", "roleName": "role"},
    "aws:kms/alias:Alias": {"aliasName": "name"},
    "aws:s3/bucket:Bucket": {"bucketName": "bucket", "bucketNamePrefix": "bucketPrefix"},
}
"""Where the Terraform provider's property is called otherwise."""

NOT_IN_THE_PROVIDER = {
    "aws:ec2/eip:Eip": {"transferAddress"},
    "aws:ec2/flowLog:FlowLog": {"tagFieldSpecifications"},
    "aws:ec2/placementGroup:PlacementGroup": {"tags", "parentGroupId"},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"routeTableId"},
    "aws:ec2/vpc:Vpc": {"vpcEncryptionControl"},
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": {
        "amazonProvidedIpv6CidrBlock", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup", "ipv6IpamPoolId",
        "ipv6NetmaskLength", "ipv6Pool",
    },
    "aws:fsx/lustreFileSystem:LustreFileSystem": {"fileSystemType"},
}  # fmt: skip
"""Properties that the provider's resource does not have, or changes in place by a call of its own."""


@cache
def _schema_files() -> dict[str, str]:
    """File of each type's schema."""
    return json.loads((files("cfnlint") / "data/schemas/providers/us-east-1.json").read_text())


def _create_only(type_: str) -> set[str]:
    """A type's create-only paths as the provider would write them: camelCase, dotted."""
    schema = json.loads((files("cfnlint") / f"data/schemas/resources/{_schema_files()[type_]}.json").read_text())
    paths = schema.get("createOnlyProperties") or []
    return {
        ".".join(_camel(part) for part in path.removeprefix("/properties/").split("/") if part != "*") for path in paths
    }


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


@pytest.mark.parametrize("token", CLOUDFORMATION)
def test_what_cloudformation_replaces_on_we_replace_on(token):
    names, absent = OTHER_NAMES.get(token, {}), NOT_IN_THE_PROVIDER.get(token, set())
    theirs = {names.get(path, path) for path in _create_only(CLOUDFORMATION[token]) - absent}
    assert theirs <= REPLACES[token]


def test_hyperpod_is_replaced_on_what_its_provider_says():
    """aws-native carries the list in its SDK: a change of anything else is an update."""
    source = inspect.getsource(import_module("pulumi_aws_native.sagemaker.cluster"))
    (listed,) = re.findall(r"replace_on_changes=\[([^\]]*)\]", source)
    assert set(re.findall(r'"([^"]+)"', listed)) == REPLACES["aws-native:sagemaker:Cluster"]


@pytest.mark.parametrize("token", [token for token in REPLACES if token.startswith("aws")])
def test_every_path_is_a_property_of_the_resource(token):
    """A property that was misspelt would never be seen to change."""
    resource = _resource(token)
    inputs = set(inspect.signature(getattr(resource, "_internal_init")).parameters)  # noqa: B009 - not in its type
    for path in REPLACES[token]:
        assert _snake(path.split(".")[0]) in inputs, path


def _resource(token: str) -> type:
    package, module, name = token.split(":")
    sdk = {"aws": "pulumi_aws", "aws-native": "pulumi_aws_native"}[package]
    found = getattr(import_module(f"{sdk}.{module.split('/')[0]}.{_snake(name)}"), name)
    source = inspect.getsource(found)
    assert f"'{token}'" in source, "the token is the resource's own"
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
