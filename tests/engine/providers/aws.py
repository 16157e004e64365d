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
from tests.engine.providers.base import RefusedError, Request, SimulatedProvider, merged
from tests.engine.providers.identifiers import ACCOUNT, NAME_IS_ID, PREFIX, REGION, arn, digest
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
        if operation != "delete":
            for reference in _dangling(self.world, request.inputs):
                raise RefusedError(f"{reference} does not exist")
        if operation != "update":
            for reason in _reasons(self.world, operation, request):
                raise RefusedError(reason)

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


def _reasons(world: World, operation: str, request: Request) -> Iterator[str]:
    inputs = request.inputs
    if operation == "create":
        yield from _not_before(world, request.type, inputs)
    elif request.old:
        yield from _not_yet(world, request.old)


def _not_before(world: World, type: str, inputs: dict[str, Any]) -> Iterator[str]:
    """What must be there before an object of this type is created."""
    cluster = inputs.get("clusterName")
    if type.startswith("aws:eks/") and cluster and not world.get(CLUSTER, cluster):
        yield f"EKS has no cluster {cluster}"
    if type == CLUSTER and not _policies(world, inputs["roleArn"]):
        yield "the role of the cluster has no policy yet"
    if type == NODE_GROUP:
        yield from _nodes_not_before(world, inputs)
    if type == ADDON and inputs["addonName"] in NEED_NODES and not list(world.things(NODE_GROUP)):
        yield f"the add-on {inputs['addonName']} would wait for a node until its time-out"
    if type == "aws:eks/accessPolicyAssociation:AccessPolicyAssociation":
        entries = world.things("aws:eks/accessEntry:AccessEntry")
        if inputs["principalArn"] not in [entry.inputs["principalArn"] for entry in entries]:
            yield "the principal has no access entry"
    if type == NAT and not _internet_routes(world):
        yield "the VPC has no internet gateway with a route yet"
    if type == HYPERPOD:
        yield from _hyperpod_not_before(world, inputs)
    if type == "aws:fsx/lustreFileSystem:LustreFileSystem":
        yield from (f"{group} has no rule for LNET" for group in _groups_without_rules(world, inputs))


def _nodes_not_before(world: World, inputs: dict[str, Any]) -> Iterator[str]:
    addons = {addon.inputs["addonName"] for addon in world.things(ADDON)}
    for addon in sorted({"vpc-cni", "kube-proxy"} - addons):
        yield f"nodes do not become ready without the add-on {addon}"
    if len(_policies(world, inputs["nodeRoleArn"])) < 3:
        yield "the role of the nodes has not all its policies"
    for subnet in inputs["subnetIds"]:
        if not _leads_out(world, subnet):
            yield f"{subnet} has no way out, so its nodes cannot join"


def _hyperpod_not_before(world: World, inputs: dict[str, Any]) -> Iterator[str]:
    if not any("hyperpod" in str(thing.inputs.get("name", thing.name)) for thing in world.things(RELEASE)):
        yield "the HyperPod dependency chart is not installed"
    if not list(world.things(NODE_GROUP)):
        yield "the EKS cluster has no node for the health agent's controllers"
    for group in inputs.get("instanceGroups", []):
        if not _policies(world, group["executionRole"]):
            yield f"the execution role of {group['instanceGroupName']} has no policy yet"
        bucket = group.get("lifeCycleConfig", {}).get("sourceS3Uri", "").removeprefix("s3://").split("/")[0]
        script = group.get("lifeCycleConfig", {}).get("onCreate", "")
        keys = [thing.inputs for thing in world.things() if re.match(r"aws:s3/bucketObject", thing.type)]
        if bucket and not any(one.get("bucket") == bucket and str(one.get("key")).endswith(script) for one in keys):
            yield f"the lifecycle script {script} is not in {bucket}"


def _not_yet(world: World, thing: Thing) -> Iterator[str]:
    """What must be gone before this object is deleted."""
    if thing.type == CLUSTER:
        for kind in (NODE_GROUP, HYPERPOD):
            yield from (f"the cluster still has {left.name}" for left in world.things(kind))
        owners = ("kubernetes:networking.k8s.io/v1:Ingress", "kubernetes:core/v1:PersistentVolumeClaim")
        yield from (f"{left.name} still holds cloud resources" for kind in owners for left in world.things(kind))
    if thing.type == ADDON and thing.inputs["addonName"] in ("vpc-cni", "kube-proxy"):
        yield from (f"{left.name} still needs the add-on" for left in world.things(NODE_GROUP))
    if thing.type == NODE_GROUP and len(list(world.things(NODE_GROUP))) == 1:
        yield from (f"uninstalling {left.name} needs a node" for left in world.things(RELEASE))
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


def _internet_routes(world: World) -> list[Thing]:
    return [route for route in world.things(ROUTE) if str(route.inputs.get("gatewayId", "")).startswith("igw-")]


def _leads_out(world: World, subnet: str) -> bool:
    associations = world.things("aws:ec2/routeTableAssociation:RouteTableAssociation")
    tables = {one.inputs["routeTableId"] for one in associations if one.inputs.get("subnetId") == subnet}
    routed = any(r.inputs["routeTableId"] in tables and "natGatewayId" in r.inputs for r in world.things(ROUTE))
    return routed or any(e.inputs.get("vpcEndpointType") == "Interface" for e in world.things(_ENDPOINT))


_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def _groups_without_rules(world: World, inputs: dict[str, Any]) -> list[str]:
    ruled = {
        thing.inputs.get("securityGroupId")
        for thing in world.things()
        if "securityGroup" in thing.type and "Rule" in thing.type
    }
    groups = {thing.id: thing for thing in world.things("aws:ec2/securityGroup:SecurityGroup")}
    return [
        group
        for group in inputs.get("securityGroupIds", [])
        if group in groups and group not in ruled and not groups[group].inputs.get("ingress")
    ]
