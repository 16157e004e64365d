"""The EKS cluster, who gets in, the add-ons that come before any node, and the Kubernetes provider."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s

from components.aws.eks.addons import addon, vpc_cni_configuration
from components.aws.eks.core_addons import CoreAddons
from components.aws.eks.models import AccessEntry, ClusterSettings
from components.aws.eks.plan import plan_addons
from components.aws.identity.policies import allow, document, managed_policy, partition, service_trust
from components.base import Component, Context
from components.kube import kube_provider, kubeconfig

__all__ = ["CoreAddons", "EksCluster"]


class EksCluster(Component):
    """The control plane. Its creator is its administrator, which `eks.Cluster` always arranges.

    `eks.Cluster` would bring a node group, security groups, and add-ons of the latest version by a look-up; all of that
    is off, and what is needed is made here, where it can be seen and pinned. What it makes all the same is listed in
    `components.aws.eks.children`.
    """

    token = "sglang-hyperpod:aws:EksCluster"

    cluster_name: str
    """The cluster's name, known before the cluster is there. AWS resources of the cluster take `created_name`."""
    created_name: pulumi.Output[str]
    """The same name as an output of the cluster: who uses it waits for the cluster."""
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    """Base64 of the certificate authority, as a kubeconfig takes it."""
    cluster_security_group_id: pulumi.Output[str]
    """The security group that EKS makes for the control plane's interfaces."""
    kube: k8s.Provider
    """The provider of every Kubernetes object in the stack."""
    resource: eks.Cluster
    node_addons: list[pulumi.Resource]
    """vpc-cni, kube-proxy and the pod identity agent, and the ways between nodes and control plane: a node that comes
    before them is not ready, or its pods get no credentials."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: ClusterSettings,
        *,
        vpc_id: pulumi.Input[str],
        control_plane_subnet_ids: Sequence[pulumi.Input[str]],
        node_security_group_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self.settings = settings
        self.cluster_name = settings.name
        self.resource = self._cluster(vpc_id, control_plane_subnet_ids)
        created = self.resource.eks_cluster
        self.created_name = created.apply(lambda cluster: cluster.name)
        self.arn = created.apply(lambda cluster: cluster.arn)
        self.endpoint = created.apply(lambda cluster: cluster.endpoint)
        self.certificate_authority = created.apply(lambda cluster: cluster.certificate_authority).apply(
            lambda authority: authority.data or ""
        )
        self.cluster_security_group_id = self.resource.cluster_security_group_id
        for entry in settings.access_entries:
            self._access(entry)
        ways = self._ways_between(node_security_group_id)
        self.node_addons = [*ways, *self._node_addons()]
        self.kube = self._kube()
        self.register_outputs({"name": self.created_name, "arn": self.arn, "endpoint": self.endpoint})

    def _cluster(self, vpc_id: pulumi.Input[str], subnet_ids: Sequence[pulumi.Input[str]]) -> eks.Cluster:
        settings = self.settings
        key_arn = settings.secrets_key_arn or self._key()
        role, policies = self._service_role(key_arn)
        public = list(settings.endpoint.public_cidrs)
        return eks.Cluster(
            self.name,
            name=settings.name,
            version=settings.kubernetes_version,
            vpc_id=vpc_id,
            subnet_ids=list(subnet_ids),
            service_role=role,
            authentication_mode=eks.AuthenticationMode(settings.authentication_mode.value),
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type=settings.support_policy.value),
            endpoint_private_access=True,
            endpoint_public_access=bool(public),
            public_access_cidrs=public or None,
            enabled_cluster_log_types=list(settings.log_types),
            encryption_config_key_arn=key_arn,
            deletion_protection=self.ctx.protect,
            skip_default_node_group=True,
            skip_default_security_groups=True,
            create_instance_role=False,
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            bootstrap_self_managed_addons=False,
            tags=dict(self.ctx.tags),
            # The log group first, or EKS makes one that is kept for ever; the policies, or EKS cannot make the cluster
            # nor, when it goes, clean up after it.
            opts=self.stateful(depends_on=[self._log_group(), *policies]),
        )

    def _log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self.name}-logs",
            name=f"/aws/eks/{self.cluster_name}/cluster",
            retention_in_days=self.settings.log_retention_days,
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )

    def _key(self) -> pulumi.Output[str]:
        key = aws.kms.Key(
            f"{self.name}-secrets-key",
            description=f"Kubernetes secrets of {self.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=self.ctx.named("secrets"),
            opts=self.stateful(),
        )
        return key.arn

    def _service_role(self, key_arn: pulumi.Input[str]) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        role = aws.iam.Role(
            f"{self.name}-role",
            assume_role_policy=service_trust("eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession"),
            description=f"Control plane of {self.cluster_name}",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{self.name}-role-AmazonEKSClusterPolicy",
            role=role.name,
            policy_arn=managed_policy("AmazonEKSClusterPolicy", self.ctx.region),
            opts=self.child(),
        )
        use_key = allow(["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"], [key_arn])
        inline = aws.iam.RolePolicy(
            f"{self.name}-role-secrets",
            role=role.name,
            policy=pulumi.Output.json_dumps(document([use_key])),
            opts=self.child(),
        )
        return role, [attachment, inline]

    def _access(self, entry: AccessEntry) -> None:
        logical = f"{self.name}-access-{slug(entry.principal_arn)}"
        made = aws.eks.AccessEntry(
            logical,
            cluster_name=self.created_name,
            principal_arn=entry.principal_arn,
            type="STANDARD",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        scope = aws.eks.AccessPolicyAssociationAccessScopeArgs(
            type="namespace" if entry.namespaces else "cluster", namespaces=list(entry.namespaces) or None
        )
        aws.eks.AccessPolicyAssociation(
            f"{logical}-policy",
            cluster_name=self.created_name,
            principal_arn=made.principal_arn,
            policy_arn=f"arn:{partition(self.ctx.region)}:eks::aws:cluster-access-policy/{entry.policy.value}",
            access_scope=scope,
            opts=self.child(),
        )

    def _ways_between(self, node_security_group_id: pulumi.Input[str]) -> list[pulumi.Resource]:
        """Nodes call the API; the control plane calls kubelets, webhooks and extension APIs, at ports of their own."""
        to_api = aws.vpc.SecurityGroupIngressRule(
            f"{self.name}-api-from-nodes",
            security_group_id=self.cluster_security_group_id,
            referenced_security_group_id=node_security_group_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description="Nodes call the Kubernetes API",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        to_nodes = aws.vpc.SecurityGroupIngressRule(
            f"{self.name}-nodes-from-api",
            security_group_id=node_security_group_id,
            referenced_security_group_id=self.cluster_security_group_id,
            ip_protocol="tcp",
            from_port=0,
            to_port=65535,
            description="The control plane calls kubelets and webhooks",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        return [to_api, to_nodes]

    def _node_addons(self) -> list[pulumi.Resource]:
        """The add-ons that become active without a node, so that the first node finds them."""
        configuration = {"vpc-cni": vpc_cni_configuration(self.settings.addons.vpc_cni)}
        plans = plan_addons(self.settings)
        return [
            addon(self, plans[name], self.created_name, configuration=configuration.get(name))
            for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
        ]

    def _kube(self) -> k8s.Provider:
        config = pulumi.Output.all(self.endpoint, self.certificate_authority).apply(
            lambda known: kubeconfig(self.cluster_name, self.ctx.region, known[0], known[1])
        )
        identifier = f"{self.ctx.region}/{self.cluster_name}"
        return kube_provider(f"{self.name}-kube", config, identifier, self.child())


def slug(principal_arn: str) -> str:
    """A stable logical name for a principal: its own name and a digest, since two accounts may have the same role."""
    digest = hashlib.sha256(principal_arn.encode()).hexdigest()[:8]
    return f"{principal_arn.rsplit('/', 1)[-1]}-{digest}"
