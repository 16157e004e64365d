"""The remote component `eks:index:Cluster`: the children that pulumi-eks makes itself, for the options used here.

Read in pulumi/pulumi-eks at 7bf0c1b179932ce51cb02dfc4f9bd0d7550cb0cd, nodejs/eks/cluster/cluster.ts `createCore` and
nodejs/eks/servicerole.ts. An option that it does not know is refused, so that it cannot be simulated wrongly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from tests.engine.providers.base import VERSION, Plugin
from tests.engine.providers.world import World

_KNOWN = {
    "authenticationMode",
    "bootstrapSelfManagedAddons",
    "clusterTags",
    "corednsAddonOptions",
    "createInstanceRole",
    "createOidcProvider",
    "deletionProtection",
    "enabledClusterLogTypes",
    "encryptionConfigKeyArn",
    "endpointPrivateAccess",
    "endpointPublicAccess",
    "kubeProxyAddonOptions",
    "kubernetesServiceIpAddressRange",
    "ipFamily",
    "name",
    "privateSubnetIds",
    "providerCredentialOpts",
    "publicAccessCidrs",
    "publicSubnetIds",
    "serviceRole",
    "skipDefaultNodeGroup",
    "skipDefaultSecurityGroups",
    "subnetIds",
    "tags",
    "upgradePolicy",
    "useDefaultVpcCni",
    "version",
    "vpcId",
}


class SimulatedEks(ProviderServicer):
    """Serves `Construct`; everything else is the aws provider's."""

    def __init__(self, world: World, plugin: Plugin, engine_address: str) -> None:
        super().__init__(_Eks(VERSION), [], engine_address)

    async def Handshake(self, request: Any, context: Any) -> pb.ProviderHandshakeResponse:
        return pb.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    async def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    async def CheckConfig(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        return pb.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> pb.DiffResponse:
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)


class _Eks(Provider):
    def construct(
        self, name: str, resource_type: str, inputs: Mapping[str, Any], options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        if resource_type != "eks:index:Cluster":
            raise ValueError(f"{resource_type} is not simulated")
        cluster = _Cluster(name, dict(inputs), options)
        return ConstructResult(cluster.urn, cluster.outputs)


class _Cluster(pulumi.ComponentResource):
    outputs: dict[str, Any]

    def __init__(self, name: str, inputs: dict[str, Any], options: pulumi.ResourceOptions | None) -> None:
        if unknown := sorted(set(inputs) - _KNOWN):
            raise ValueError(f"eks.Cluster is not simulated with {', '.join(unknown)}")
        if not inputs.get("skipDefaultNodeGroup") or inputs.get("createInstanceRole"):
            raise ValueError("eks.Cluster is simulated without a default node group and its role only")
        if not inputs.get("useDefaultVpcCni"):
            raise ValueError("eks.Cluster is simulated without its VPC CNI add-on only")
        super().__init__("eks:index:Cluster", name, {}, options)
        self._child = pulumi.ResourceOptions(parent=self)
        role, policies = self._role(name, inputs)
        groups = [] if inputs.get("skipDefaultSecurityGroups") else [self._security_group(name, inputs)]
        cluster = self._cluster(name, inputs, role, policies, groups)
        kubeconfig = pulumi.Output.all(cluster.name, cluster.endpoint, cluster.certificate_authority.data).apply(
            lambda values: _kubeconfig(*values)
        )
        provider = k8s.Provider(f"{name}-eks-k8s", kubeconfig=pulumi.Output.json_dumps(kubeconfig), opts=self._child)
        if inputs.get("authenticationMode", "CONFIG_MAP") != "API":
            self._access(name, provider)
        for addon, option in (("kube-proxy", "kubeProxyAddonOptions"), ("coredns", "corednsAddonOptions")):
            if addon == "kube-proxy" and (inputs.get(option) or {}).get("enabled", True):
                raise ValueError("kube-proxy is an add-on of the stack's own; disable it in kubeProxyAddonOptions")
            if addon == "coredns" and (inputs.get(option) or {}).get("enabled", False):
                raise ValueError("coredns is an add-on of the stack's own; disable it in corednsAddonOptions")
        group_id = groups[0].id if groups else cluster.vpc_config.cluster_security_group_id
        issuer = cluster.identities.apply(_issuer)
        self.outputs = {
            "eksCluster": cluster,
            "core": {
                "cluster": cluster,
                "clusterIamRole": role,
                "endpoint": cluster.endpoint,
                "vpcId": inputs.get("vpcId"),
                "subnetIds": inputs.get("subnetIds", []),
                "kubeconfig": kubeconfig,
                "provider": provider,
                "instanceRoles": [],
                "nodeGroupOptions": {},
            },
            "clusterSecurityGroup": groups[0] if groups else None,
            "clusterSecurityGroupId": group_id,
            "nodeSecurityGroupId": cluster.vpc_config.cluster_security_group_id,
            "instanceRoles": [],
            "kubeconfig": kubeconfig,
            "kubeconfigJson": pulumi.Output.json_dumps(kubeconfig),
            "oidcProviderArn": "",
            "oidcProviderUrl": issuer,
            "oidcIssuer": issuer.apply(lambda url: url.removeprefix("https://")),
            "autoModeNodeRoleName": "",
            "clusterIngressRuleId": "",
            "defaultNodeGroupAsgName": "",
            "fargateProfileId": "",
            "fargateProfileStatus": "",
        }
        self.register_outputs(self.outputs)

    def _role(self, name: str, inputs: dict[str, Any]) -> tuple[Any, list[pulumi.Resource]]:
        if "serviceRole" in inputs:
            return inputs["serviceRole"], []
        service = pulumi.ComponentResource("eks:index:ServiceRole", f"{name}-eksRole", {}, self._child)
        below = pulumi.ResourceOptions(parent=service)
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Effect": "Allow",
                    "Principal": {"Service": ["eks.amazonaws.com"]},
                }
            ],
        }
        role = aws.iam.Role(
            f"{name}-eksRole-role",
            assume_role_policy=json.dumps(trust),
            description="Allows EKS to manage clusters on your behalf.",
            tags=inputs.get("tags"),
            opts=below,
        )
        policy = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
        suffix = hashlib.sha1(policy.encode()).hexdigest()[:8]
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-eksRole-{suffix}", policy_arn=policy, role=role.name, opts=below
        )
        return role, [attachment]

    def _security_group(self, name: str, inputs: dict[str, Any]) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            f"{name}-eksClusterSecurityGroup",
            vpc_id=inputs["vpcId"],
            revoke_rules_on_delete=True,
            tags=_named(f"{name}-eksClusterSecurityGroup", inputs.get("tags")),
            opts=self._child,
        )
        aws.ec2.SecurityGroupRule(
            f"{name}-eksClusterInternetEgressRule",
            description="Allow internet access.",
            type="egress",
            from_port=0,
            to_port=0,
            protocol="-1",
            cidr_blocks=["0.0.0.0/0"],
            security_group_id=group.id,
            opts=self._child,
        )
        return group

    def _cluster(
        self,
        name: str,
        inputs: dict[str, Any],
        role: Any,
        policies: list[pulumi.Resource],
        groups: list[aws.ec2.SecurityGroup],
    ) -> aws.eks.Cluster:
        mode = inputs.get("authenticationMode")
        key = inputs.get("encryptionConfigKeyArn")
        network = {"serviceIpv4Cidr": inputs.get("kubernetesServiceIpAddressRange"), "ipFamily": inputs.get("ipFamily")}
        access = {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True}
        subnets = inputs.get("subnetIds") or [*inputs.get("publicSubnetIds", []), *inputs.get("privateSubnetIds", [])]
        arguments: dict[str, Any] = {
            "vpc_config": {
                "securityGroupIds": [group.id for group in groups] or None,
                "subnetIds": subnets,
                "endpointPrivateAccess": inputs.get("endpointPrivateAccess"),
                "endpointPublicAccess": inputs.get("endpointPublicAccess"),
                "publicAccessCidrs": inputs.get("publicAccessCidrs"),
            },
            "kubernetes_network_config": network if any(network.values()) else None,
            "encryption_config": {"provider": {"keyArn": key}, "resources": ["secrets"]} if key else None,
            "access_config": access if mode else None,
            "upgrade_policy": inputs.get("upgradePolicy"),
        }
        return aws.eks.Cluster(
            f"{name}-eksCluster",
            **arguments,
            name=inputs.get("name"),
            version=inputs.get("version"),
            role_arn=pulumi.Output.from_input(role).apply(lambda made: made.arn),
            bootstrap_self_managed_addons=inputs.get("bootstrapSelfManagedAddons", True),
            enabled_cluster_log_types=inputs.get("enabledClusterLogTypes"),
            deletion_protection=inputs.get("deletionProtection"),
            tags=_named(f"{name}-eksCluster", {**(inputs.get("clusterTags") or {}), **(inputs.get("tags") or {})}),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=policies,
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
            ),
        )

    def _access(self, name: str, provider: k8s.Provider) -> None:
        k8s.core.v1.ConfigMap(
            f"{name}-nodeAccess",
            immutable=False,
            metadata={
                "name": "aws-auth",
                "namespace": "kube-system",
                "annotations": {"pulumi.com/patchForce": "true"},
            },
            data={"mapRoles": "[]\n"},
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )


def _issuer(identities: Any) -> str:
    return identities[0].oidcs[0].issuer if identities else ""


def _named(name: str, tags: Any) -> Any:
    return pulumi.Output.from_input(tags or {}).apply(lambda found: {"Name": name, **found})


def _kubeconfig(name: str, endpoint: str, authority: str) -> dict[str, Any]:
    """As pulumi-eks makes it: credentials come from the `aws` program at each use."""
    execute = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", name],
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
        "contexts": [{"name": "aws", "context": {"cluster": "kubernetes", "user": "aws"}}],
        "current-context": "aws",
        "users": [{"name": "aws", "user": {"exec": execute}}],
    }
