"""Identifiers of the form that AWS gives, the same in every run."""

from __future__ import annotations

import hashlib
import re

ACCOUNT = "123456789012"
REGION = "us-east-1"

PREFIX = {
    "aws:ec2/vpc:Vpc": "vpc",
    "aws:ec2/subnet:Subnet": "subnet",
    "aws:ec2/securityGroup:SecurityGroup": "sg",
    "aws:ec2/natGateway:NatGateway": "nat",
    "aws:ec2/eip:Eip": "eipalloc",
    "aws:ec2/internetGateway:InternetGateway": "igw",
    "aws:ec2/routeTable:RouteTable": "rtb",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce",
    "aws:ec2/launchTemplate:LaunchTemplate": "lt",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "fs",
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": "dra",
}
"""Identifiers with these prefixes are found in the inputs of other objects."""

NAME_IS_ID = {
    "aws:iam/role:Role": ("name",),
    "aws:eks/cluster:Cluster": ("name",),
    "aws:s3/bucket:Bucket": ("bucket",),
    "aws:cloudwatch/logGroup:LogGroup": ("name",),
}
"""Types whose identifier is the name that the program gives, if it gives one."""

_ARN_KIND = {
    "aws:iam/role:Role": ("iam", "role/"),
    "aws:iam/policy:Policy": ("iam", "policy/"),
    "aws:eks/cluster:Cluster": ("eks", "cluster/"),
    "aws-native:sagemaker:Cluster": ("sagemaker", "cluster/"),
    "aws:fsx/lustreFileSystem:LustreFileSystem": ("fsx", "file-system/"),
    "aws:s3/bucket:Bucket": ("s3", ""),
}


def digest(text: str) -> str:
    """Seventeen hexadecimal digits, as in the identifiers of EC2."""
    return hashlib.sha256(text.encode()).hexdigest()[:17]


def arn(type: str, name: str) -> str:
    """The ARN of an object."""
    service, kind = _ARN_KIND.get(type, (re.sub(r"^aws(-native)?:([^:/]*).*$", r"\2", type), ""))
    account = "" if service == "s3" else ACCOUNT
    region = "" if service in ("iam", "s3") else REGION
    return f"arn:aws:{service}:{region}:{account}:{kind}{name}"
