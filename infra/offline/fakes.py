"""Made-up outputs for runs that are not previews: the same in every run, of the form that the cloud gives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.offline.invokes import ACCOUNT

_Fake = Callable[[str, Mapping[str, Any], str], Mapping[str, Any]]


def identifier(type: str, name: str, inputs: Mapping[str, Any]) -> str:
    """The physical identifier: AWS identifiers with their usual prefix, `namespace/name` for Kubernetes objects."""
    if type.startswith("kubernetes:"):
        metadata = inputs.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        namespace = metadata.get("namespace", inputs.get("namespace"))
        own = str(metadata.get("name") or inputs.get("name") or name)
        return f"{namespace}/{own}" if namespace else own
    prefix = _PREFIXES.get(type)
    return f"{prefix}-{digest(name)}" if prefix else str(inputs.get("name") or name)


def outputs(type: str, name: str, inputs: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The outputs of a resource besides its inputs. A name that the resource does not have is ignored by the SDK."""
    service = re.sub(r"^[^:]*:([^:/]*).*$", r"\1", type)
    result: dict[str, Any] = {}
    if type.startswith(("aws:", "aws-native:")):
        result["arn"] = f"arn:aws:{service}:{region}:{ACCOUNT}:{identifier(type, name, inputs)}"
    if type.startswith("aws:") and "name" not in inputs:
        result["name"] = name
    if fake := _BY_TYPE.get(type):
        result |= fake(name, inputs, region)
    return result


def digest(name: str) -> str:
    """Seventeen hexadecimal digits, as in the identifiers of EC2."""
    return hashlib.sha256(name.encode()).hexdigest()[:17]


def _role(name: str, inputs: Mapping[str, Any], _region: str) -> Mapping[str, Any]:
    return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{inputs.get('name', name)}", "uniqueId": f"AROA{digest(name)}"}


def _policy(name: str, inputs: Mapping[str, Any], _region: str) -> Mapping[str, Any]:
    return {"arn": f"arn:aws:iam::{ACCOUNT}:policy/{inputs.get('name', name)}"}


def _bucket(name: str, inputs: Mapping[str, Any], _region: str) -> Mapping[str, Any]:
    bucket = inputs.get("bucket", name)
    return {"arn": f"arn:aws:s3:::{bucket}", "bucket": bucket}


def eks_cluster(name: str, inputs: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    """What `aws.eks.Cluster` gives."""
    cluster = inputs.get("name", name)
    host = digest(name).upper()
    return {
        "name": cluster,
        "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{cluster}",
        "endpoint": f"https://{host}.gr7.{region}.eks.amazonaws.com",
        "certificateAuthority": {"data": "Q0VSVElGSUNBVEU="},
        "certificateAuthorities": [{"data": "Q0VSVElGSUNBVEU="}],
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{host}"}]}],
        "vpcConfig": {"clusterSecurityGroupId": f"sg-{digest(name)}", "vpcId": "vpc-0", "subnetIds": ["subnet-0"]},
    }


def _lustre(name: str, _inputs: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    return {
        "dnsName": f"fs-{digest(name)}.fsx.{region}.amazonaws.com",
        "mountName": "fsx",
        "arn": f"arn:aws:fsx:{region}:{ACCOUNT}:file-system/fs-{digest(name)}",
    }


_PREFIXES = {
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
_BY_TYPE: dict[str, _Fake] = {
    "aws:iam/role:Role": _role,
    "aws:iam/policy:Policy": _policy,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:eks/cluster:Cluster": eks_cluster,
    "aws:fsx/lustreFileSystem:LustreFileSystem": _lustre,
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _name, _inputs, _region: {"latestVersion": 1, "defaultVersion": 1},
}
