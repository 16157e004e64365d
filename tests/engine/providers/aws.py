"""The simulated AWS, for the packages `aws` and `aws-native`: identifiers, outputs, and what AWS refuses.

It refuses what has a dangling reference, or a dependency that no input tells and only the order can bring: the reason
stands with each. What AWS would only fail after many minutes is refused at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from components.facts.replaces import replacing
from tests.engine.providers import sdk
from tests.engine.providers.base import Needs, RefusedError, Request, SimulatedProvider
from tests.engine.providers.identifiers import ACCOUNT, NAME_IS_ID, PREFIX, REGION, arn, digest
from tests.engine.providers.values import merged
from tests.engine.providers.world import Thing, World, get_at

CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
HYPERPOD = "aws-native:sagemaker:Cluster"
RELEASE = "kubernetes:helm.sh/v3:Release"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
NAT = "aws:ec2/natGateway:NatGateway"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
ROUTE = "aws:ec2/route:Route"
NEED_NODES = {"coredns", "metrics-server", "aws-ebs-csi-driver", "aws-fsx-csi-driver"}
"""Add-ons whose Deployments stay degraded without a node, so that their creation times out."""

_IDENTIFIER = re.compile(rf"\b(?:{'|'.join(sorted(set(PREFIX.values())))})-[0-9a-f]{{17}}\b")
_ARN = re.compile(rf"arn:aws:(?:iam|eks|fsx|kms):[a-z0-9-]*:{ACCOUNT}:(?:role|policy|cluster|file-system|key)/[\w.-]+$")


class SimulatedAws(SimulatedProvider):
    """Both packages: they differ in their resource types only."""

    def identify(self, request: Request) -> str:
        name = next((request.inputs[key] for key in NAME_IS_ID.get(request.type, ()) if key in request.inputs), None)
        if request.type == ADDON or request.type == NODE_GROUP:
            own = request.inputs.get("addonName") or request.inputs.get("nodeGroupName") or _unique(request)
            name = f"{request.inputs['clusterName']}:{own}"
        if name is not None and self.world.get(request.type, name):
            raise RefusedError(f"{request.type} {name} exists already")
        return name or _unique(request)

    def outputs(self, request: Request, id: str) -> dict[str, Any]:
        described = sdk.resource_type(request.type)
        outputs = described.computed(id, request.inputs)
        name = request.inputs.get("name") or request.inputs.get("clusterName") or id
        for key in outputs:
            if key == "arn" or key.endswith("Arn"):
                outputs[key] = arn(request.type, str(name))
        outputs |= {
            key: value
            for key, value in {"region": REGION, "name": id, "tagsAll": request.inputs.get("tags", {})}.items()
            if key in outputs
        }
        special = _OUTPUTS.get(request.type)
        return merged(outputs, special(request, id)) if special else outputs

    def unsettled(self, request: Request, changed: list[str]) -> list[str]:
        if request.type == "aws:ec2/launchTemplate:LaunchTemplate" and any(not p.startswith("tags") for p in changed):
            return ["latestVersion"]
        return []

    def replaces(self, type: str) -> frozenset[str]:
        return replacing(type)

    def carry_out(self, operation: str, request: Request) -> None:
        if operation == "delete":
            for reason in _not_yet(self.world, request.old) if request.old else ():
                raise RefusedError(reason)
            return
        for reference in _dangling(self.world, request.inputs):
            raise RefusedError(f"{reference} does not exist")
        if operation == "create":
            _before(self.world, Needs(self.world, request.urn), request.type, request.inputs)

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        answers = {
            "aws:index/getPartition:getPartition": {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com"},
            "aws:index/getRegion:getRegion": {"id": REGION, "name": REGION, "region": REGION},
            "aws:index/getCallerIdentity:getCallerIdentity": {"id": ACCOUNT, "accountId": ACCOUNT},
        }
        if token not in answers:
            raise RefusedError(f"{token} is not simulated: the program is to take it from its settings")
        return answers[token]


def _unique(request: Request) -> str:
    return f"{PREFIX.get(request.type, 'sim')}-{digest(request.urn)}"


def _cluster(request: Request, id: str) -> dict[str, Any]:
    host = digest(id).upper()
    return {
        "endpoint": f"https://{host}.gr7.{REGION}.eks.amazonaws.com",
        "certificateAuthority": {"data": "Q0VSVElGSUNBVEU="},
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{REGION}.amazonaws.com/id/{host}"}]}],
        "vpcConfig": {"clusterSecurityGroupId": f"sg-{digest(id)}", "vpcId": f"vpc-{digest(id)}"},
        "status": "ACTIVE",
    }


def _template(request: Request, id: str) -> dict[str, Any]:
    before = request.old.outputs.get("latestVersion", 0) if request.old else 0
    return {"latestVersion": before + 1, "defaultVersion": before + 1}


_OUTPUTS: dict[str, Callable[[Request, str], dict[str, Any]]] = {
    CLUSTER: _cluster,
    "aws:ec2/launchTemplate:LaunchTemplate": _template,
    "aws:fsx/lustreFileSystem:LustreFileSystem": lambda _request, made: {
        "dnsName": f"{made}.fsx.{REGION}.amazonaws.com",
        "mountName": digest(made)[:8],
    },
}


def _dangling(world: World, inputs: dict[str, Any]) -> Iterator[str]:
    """Identifiers and ARNs within the inputs that belong to nothing that exists."""
    text = json.dumps(inputs)
    things = list(world.things())
    known = {thing.id for thing in things} | {
        value for thing in things for key, value in thing.outputs.items() if key.lower().endswith("arn")
    }
    known |= {str(get_at(thing.outputs, "vpcConfig.clusterSecurityGroupId")) for thing in things}
    yield from (found for found in _IDENTIFIER.findall(text) if found not in known)
    strings = re.findall(r'"([^"\\]*)"', text)
    yield from (found for found in strings if _ARN.match(found) and found not in known)


def _before(world: World, needs: Needs, type: str, inputs: dict[str, Any]) -> None:
    """What must be there before an object of this type is created."""
    cluster = inputs.get("clusterName")
    if type.startswith("aws:eks/") and cluster:
        needs(_with(world, CLUSTER, name=cluster), f"EKS has no cluster {cluster}")
    if type == CLUSTER:
        needs(_policies(world, inputs["roleArn"]), "the role of the cluster has no policy yet")
    if type == NODE_GROUP:
        _before_nodes(world, needs, inputs)
    if type == ADDON and inputs["addonName"] in NEED_NODES:
        needs(world.things(NODE_GROUP), f"the add-on {inputs['addonName']} would wait for a node until its time-out")
    if type == "aws:eks/accessPolicyAssociation:AccessPolicyAssociation":
        entries = _with(world, "aws:eks/accessEntry:AccessEntry", principalArn=inputs["principalArn"])
        needs(entries, "the principal has no access entry")
    if type == NAT:
        routes = (r for r in world.things(ROUTE) if str(r.inputs.get("gatewayId", "")).startswith("igw-"))
        needs(routes, "the VPC has no internet gateway with a route yet")
    if type == HYPERPOD:
        _before_hyperpod(world, needs, inputs)
    if type == "aws:fsx/lustreFileSystem:LustreFileSystem":
        for group in inputs["securityGroupIds"]:
            needs(_rules(world, group), f"{group} does not permit Lustre LNET network traffic on port 988")


def _before_nodes(world: World, needs: Needs, inputs: dict[str, Any]) -> None:
    for addon in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent"):
        needs(_with(world, ADDON, addonName=addon), f"nodes are not ready without the add-on {addon}")
    for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistry", "AmazonEKS_CNI_Policy"):
        attached = (one for one in _policies(world, inputs["nodeRoleArn"]) if policy in str(one.inputs))
        needs(attached, f"the role of the nodes has no {policy}")
    for subnet in inputs["subnetIds"]:
        needs(_ways_out(world, subnet), f"{subnet} has no way out, so its nodes cannot join")
    template = world.get("aws:ec2/launchTemplate:LaunchTemplate", get_at(inputs, "launchTemplate.id") or "")
    _before_members(world, needs, template.inputs if template else {})


def _before_hyperpod(world: World, needs: Needs, inputs: dict[str, Any]) -> None:
    charts = (release for release in world.things(RELEASE) if "hyperpod" in str(release.inputs.get("name")))
    needs(charts, "the HyperPod dependency chart is not installed")
    for group in inputs.get("instanceGroups", []):
        needs(_policies(world, group["executionRole"]), "the execution role has no policy yet")
        script = group.get("lifeCycleConfig")
        if script:
            bucket = script["sourceS3Uri"].removeprefix("s3://").split("/")[0]
            objects = (t for t in world.things() if t.type.startswith("aws:s3/bucketObject"))
            uploaded = (
                t for t in objects if t.inputs["bucket"] == bucket and t.inputs["key"].endswith(script["onCreate"])
            )
            needs(uploaded, f"the lifecycle script {script['onCreate']} is not in {bucket}")
        for subnet in get_at(group, "overrideVpcConfig.subnets") or get_at(inputs, "vpcConfig.subnets") or []:
            needs(_ways_out(world, subnet), f"{subnet} has no way out, so its nodes cannot join")
        _before_members(world, needs, group.get("overrideVpcConfig") or inputs.get("vpcConfig") or {})


def _before_members(world: World, needs: Needs, network: dict[str, Any]) -> None:
    """Rules of the security groups that nodes are to be members of; those that EKS makes have theirs."""
    text = json.dumps(network)
    for group in world.things("aws:ec2/securityGroup:SecurityGroup"):
        if group.id in text:
            needs(_rules(world, group.id), f"{group.id} does not let EFA traffic through between its members")
            out = _with(world, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", securityGroupId=group.id)
            open_ = (rule for rule in out if rule.inputs.get("cidrIpv4") == "0.0.0.0/0")
            needs(open_, f"{group.id} lets nothing out, so its nodes cannot join")


def _not_yet(world: World, thing: Thing) -> Iterator[str]:
    """What must be gone before this object is deleted."""
    if thing.type == CLUSTER:
        if thing.inputs.get("deletionProtection"):
            yield "the cluster is protected against deletion"
        for kind in (NODE_GROUP, HYPERPOD):
            yield from (f"the cluster still has {left.name}" for left in world.things(kind))
        owners = ("kubernetes:networking.k8s.io/v1:Ingress", "kubernetes:core/v1:PersistentVolumeClaim")
        yield from (f"{left.name} still holds cloud resources" for kind in owners for left in world.things(kind))
    if thing.type == ADDON and thing.inputs["addonName"] in ("vpc-cni", "kube-proxy"):
        yield from (f"{left.name} still needs the add-on" for left in world.things(NODE_GROUP))
    if thing.type == NODE_GROUP and len(list(world.things(NODE_GROUP))) == 1:
        awaited = (release for release in world.things(RELEASE) if not release.inputs.get("skipAwait"))
        yield from (f"uninstalling {left.name} needs a node" for left in awaited)
    if thing.type == ATTACHMENT:
        yield from (f"{user.name} still works with the policy" for user in _users_of_role(world, thing.inputs["role"]))
    if thing.type in ("aws:ec2/subnet:Subnet", "aws:ec2/securityGroup:SecurityGroup"):
        nodes = [addon for addon in world.things(ADDON) if addon.inputs["addonName"] == "vpc-cni"]
        yield from (f"interfaces made by {addon.name} may still be there" for addon in nodes)
    if thing.type == GATEWAY:
        yield from (f"{nat.name} still has a public address" for nat in world.things(NAT))
    for other in world.things():
        if (
            other.id != thing.id
            and other.type.startswith("aws")
            and thing.id in _IDENTIFIER.findall(json.dumps(other.inputs))
        ):
            yield f"{other.name} still refers to {thing.id}"


def _policies(world: World, role_arn: str) -> list[Thing]:
    role = role_arn.rsplit("/", 1)[-1]
    types = (ATTACHMENT, "aws:iam/rolePolicy:RolePolicy")
    return [thing for kind in types for thing in world.things(kind) if thing.inputs["role"] == role]


def _users_of_role(world: World, role: str) -> Iterator[Thing]:
    for kind, key in ((CLUSTER, "roleArn"), (NODE_GROUP, "nodeRoleArn")):
        yield from (thing for thing in world.things(kind) if thing.inputs[key].endswith(f"/{role}"))


def _with(world: World, type: str, **inputs: Any) -> Iterator[Thing]:
    return (t for t in world.things(type) if all(t.inputs.get(key) == value for key, value in inputs.items()))


def _ways_out(world: World, subnet: str) -> Iterator[Thing]:
    associations = _with(world, "aws:ec2/routeTableAssociation:RouteTableAssociation", subnetId=subnet)
    tables = {one.inputs["routeTableId"] for one in associations}
    for route in world.things(ROUTE):
        if route.inputs["routeTableId"] in tables and "natGatewayId" in route.inputs:
            yield route
    yield from _with(world, "aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Interface")


def _rules(world: World, group: str) -> Iterator[Thing]:
    """Rules by which the members of a security group let each other in."""
    rules = _with(world, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", securityGroupId=group)
    return (rule for rule in rules if rule.inputs.get("referencedSecurityGroupId") == group)
