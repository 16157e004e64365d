"""The cluster's settings and the rules that they alone can break."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from components.aws.eks.children import SOURCE as CHILDREN
from components.aws.eks.models import (
    AccessEntry,
    AccessPolicy,
    AddonSettings,
    AddonsSettings,
    AuthenticationMode,
    ClusterSettings,
    EndpointSettings,
    Substrate,
    SupportPolicy,
    VpcCniSettings,
)
from components.aws.eks.plan import ADDON_FIELDS, plan_addons
from components.aws.eks.versions import parse, release
from components.facts.addons import AS_OF
from components.facts.eks_versions import (
    CALENDAR,
    HYPERPOD_PREREQUISITES,
    HYPERPOD_VERSIONS,
    find_eks_version,
    known_versions,
)
from components.rules import Finding, RuleSet, Severity

__all__ = [
    "AccessEntry",
    "AccessPolicy",
    "AddonSettings",
    "AddonsSettings",
    "AuthenticationMode",
    "ClusterSettings",
    "EndpointSettings",
    "Substrate",
    "SupportPolicy",
    "VpcCniSettings",
    "rules",
]

rules = RuleSet("cluster")

CNI_ADDRESS = "aws/amazon-vpc-cni-k8s issue 3753, fixed by pull request 3756"


@rules.rule("eks.version-known", source=CALENDAR)
def the_version_is_one_of_eks(cluster: ClusterSettings) -> Iterator[Finding]:
    """The Kubernetes version is one that EKS has."""
    if find_eks_version(cluster.kubernetes_version) is None:
        versions = ", ".join(known_versions())
        yield Finding("kubernetesVersion", f"EKS {cluster.kubernetes_version} is not known", f"use one of {versions}")


@rules.rule("eks.version-ended", source=CALENDAR)
def the_version_is_still_supported(cluster: ClusterSettings) -> Iterator[Finding]:
    """EKS makes no cluster of a version whose extended support is over, and upgrades what is there by itself."""
    known = find_eks_version(cluster.kubernetes_version)
    if known and known.support_on(AS_OF) == "ended":
        message = f"support of EKS {known.name} ended on {known.extended_support_ends}"
        yield Finding("kubernetesVersion", message, f"use {HYPERPOD_VERSIONS[-1]}")


@rules.rule("eks.version-hyperpod", source=HYPERPOD_PREREQUISITES)
def hyperpod_supports_the_version(cluster: ClusterSettings) -> Iterator[Finding]:
    """HyperPod runs on some of EKS's versions only."""
    known = find_eks_version(cluster.kubernetes_version)
    if known is None or known.support_on(AS_OF) == "ended":
        return
    if cluster.substrate == Substrate.HYPERPOD and cluster.kubernetes_version not in HYPERPOD_VERSIONS:
        span = f"{HYPERPOD_VERSIONS[0]} to {HYPERPOD_VERSIONS[-1]}"
        yield Finding(
            "kubernetesVersion", f"HyperPod runs on {span}, not on {cluster.kubernetes_version}", f"use one of {span}"
        )


@rules.rule("eks.authentication-mode", source=HYPERPOD_PREREQUISITES)
def access_entries_are_on(cluster: ClusterSettings) -> Iterator[Finding]:
    """HyperPod and this stack get into the cluster by access entries."""
    if cluster.authentication_mode == AuthenticationMode.CONFIG_MAP:
        yield Finding(
            "authenticationMode",
            "CONFIG_MAP has no access entries, by which HyperPod's nodes join",
            "use API, or API_AND_CONFIG_MAP",
        )


@rules.rule("eks.config-map", source=CHILDREN, severity=Severity.ADVICE)
def aws_auth_has_one_owner(cluster: ClusterSettings) -> Iterator[Finding]:
    """With the ConfigMap on, the stack owns `aws-auth` and puts it back at each update."""
    if cluster.authentication_mode == AuthenticationMode.API_AND_CONFIG_MAP:
        yield Finding(
            "authenticationMode",
            "the stack then owns the aws-auth ConfigMap: what others map there is overwritten",
            "use API with accessEntries",
        )


@rules.rule("eks.public-cidr", source="RFC 4632")
def public_networks_are_networks(cluster: ClusterSettings) -> Iterator[Finding]:
    """Every public CIDR is a network."""
    for index, cidr in enumerate(cluster.endpoint.public_cidrs):
        try:
            IPv4Network(cidr)
        except ValueError as error:
            yield Finding(f"endpoint.publicCidrs[{index}]", f"{cidr} is no network ({error})", "e.g. 203.0.113.7/32")


@rules.rule("eks.public-everywhere", source="the API of a cluster is not for everyone to knock at")
def the_endpoint_is_not_open_to_everyone(cluster: ClusterSettings) -> Iterator[Finding]:
    """The public address of the API is for named networks."""
    for index, cidr in enumerate(cluster.endpoint.public_cidrs):
        if cidr.endswith("/0"):
            yield Finding(
                f"endpoint.publicCidrs[{index}]",
                f"{cidr} opens the Kubernetes API to the whole internet",
                "name your networks, e.g. 203.0.113.0/24, or none for a private endpoint",
            )


@rules.rule(
    "eks.private-only",
    source="docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
    severity=Severity.ADVICE,
)
def a_private_endpoint_is_deployed_from_inside(cluster: ClusterSettings) -> Iterator[Finding]:
    """Without a public CIDR, whoever deploys must be in the VPC."""
    if not cluster.endpoint.public_cidrs:
        yield Finding(
            "endpoint.publicCidrs",
            "none: `pulumi up` reaches the Kubernetes API from inside the VPC only",
            "deploy from there (VPN, a runner; in a VPC that the stack itself makes nobody is at the first `up`), "
            "or add your network, e.g. 203.0.113.7/32",
        )


@rules.rule("eks.access-once", source="an access entry is made for each principal")
def each_principal_has_one_entry(cluster: ClusterSettings) -> Iterator[Finding]:
    """No principal has two access entries."""
    principals = [entry.principal_arn for entry in cluster.access_entries]
    for index, principal in enumerate(principals):
        if principal in principals[:index]:
            yield Finding(
                f"accessEntries[{index}].principalArn", f"{principal} has an entry already", "keep one of the two"
            )


@rules.rule("eks.access-principal", source="docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html")
def principals_are_roles_or_users(cluster: ClusterSettings) -> Iterator[Finding]:
    """An access entry names an IAM role or user, not a session and not everyone."""
    for index, entry in enumerate(cluster.access_entries):
        kind = entry.principal_arn.split(":", 5)[-1].split("/")[0]
        if ":iam::" not in entry.principal_arn or kind not in {"role", "user"}:
            yield Finding(
                f"accessEntries[{index}].principalArn",
                f"{entry.principal_arn} is no IAM role or user",
                "give arn:aws:iam::<account>:role/<name>",
            )


@rules.rule(
    "eks.access-admin-scope",
    source="docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html",
    severity=Severity.WARNING,
)
def a_cluster_administrator_has_no_namespace(cluster: ClusterSettings) -> Iterator[Finding]:
    """The cluster administrator's policy is for the whole cluster."""
    for index, entry in enumerate(cluster.access_entries):
        if entry.policy == AccessPolicy.CLUSTER_ADMIN and entry.namespaces:
            yield Finding(
                f"accessEntries[{index}].policy",
                f"AmazonEKSClusterAdminPolicy is given for {', '.join(entry.namespaces)} only",
                "use AmazonEKSAdminPolicy there, or drop namespaces",
            )


@rules.rule("eks.audit-log", source="CIS Amazon EKS benchmark 2.1.1", severity=Severity.ADVICE)
def the_audit_log_is_on(cluster: ClusterSettings) -> Iterator[Finding]:
    """Without the audit log nobody can tell who did what."""
    if "audit" not in cluster.log_types:
        yield Finding("logTypes", "audit is missing: nobody can tell who did what", "add audit")


@rules.rule("eks.support-hyperpod", source=f"{HYPERPOD_PREREQUISITES}; {CALENDAR}", severity=Severity.WARNING)
def eks_does_not_upgrade_beyond_hyperpod(cluster: ClusterSettings) -> Iterator[Finding]:
    """Where standard support ends, EKS would upgrade the cluster beyond what HyperPod lists."""
    newest = HYPERPOD_VERSIONS[-1]
    known = find_eks_version(cluster.kubernetes_version)
    if (
        cluster.substrate == Substrate.HYPERPOD
        and cluster.support_policy == SupportPolicy.STANDARD
        and cluster.kubernetes_version == newest
        and known
    ):
        yield Finding(
            "supportPolicy",
            f"EKS upgrades from {newest} by itself when its standard support ends ({known.standard_support_ends}), "
            f"and HyperPod lists nothing newer",
            "use EXTENDED, which then costs a surcharge",
        )


@rules.rule("eks.cni-node-address", source=CNI_ADDRESS)
def the_cni_gives_no_node_address_to_pods(cluster: ClusterSettings) -> Iterator[Finding]:
    """vpc-cni 1.22.0 to 1.22.3 gives a node's own address to a pod."""
    version = cluster.addons.vpc_cni.version
    if version and (1, 22, 0) <= release(version) <= (1, 22, 3):
        yield Finding(
            "addons.vpcCni.version",
            f"{version} gives a node's primary address to a pod",
            "use v1.22.4-eksbuild.3, or leave it out",
        )


@rules.rule("eks.cni-hyperpod", source=HYPERPOD_PREREQUISITES)
def the_cni_knows_hyperpod(cluster: ClusterSettings) -> Iterator[Finding]:
    """HyperPod wants vpc-cni 1.18.3 or later."""
    version = cluster.addons.vpc_cni.version
    if cluster.substrate == Substrate.HYPERPOD and version and release(version) < (1, 18, 3):
        yield Finding(
            "addons.vpcCni.version", f"HyperPod wants 1.18.3 or later, not {version}", "use v1.22.4-eksbuild.3"
        )


@rules.rule("eks.cni-agent", source=CNI_ADDRESS, severity=Severity.WARNING)
def the_policy_agent_fits_the_cni(cluster: ClusterSettings) -> Iterator[Finding]:
    """vpc-cni 1.23.0 and later wants network policy agent 1.4.1, which the add-on's build brings or not."""
    version = cluster.addons.vpc_cni.version
    if version and release(version) >= (1, 23, 0):
        yield Finding(
            "addons.vpcCni.version",
            f"{version} wants network policy agent 1.4.1 or later, and which one this build brings is not known here",
            "check the image of the container aws-eks-nodeagent, or use v1.22.4-eksbuild.3",
        )


@rules.rule("eks.cni-prefix-delegation", source="kubernetes-sigs/aws-load-balancer-controller issue 4666")
def hyperpod_delegates_no_prefixes(cluster: ClusterSettings) -> Iterator[Finding]:
    """On HyperPod the load balancer controller finds no pod whose address is of a delegated prefix."""
    environment = cluster.addons.vpc_cni.environment
    if cluster.substrate == Substrate.HYPERPOD and environment.get("ENABLE_PREFIX_DELEGATION", "").lower() == "true":
        yield Finding(
            "addons.vpcCni.environment.ENABLE_PREFIX_DELEGATION",
            "with prefix delegation the load balancer controller cannot find the interface of a pod on HyperPod",
            "remove it",
        )


@rules.rule("eks.cni-enforcing-mode", source="amazon-vpc-cni-k8s README: NETWORK_POLICY_ENFORCING_MODE")
def policies_are_enforced_in_standard_mode(cluster: ClusterSettings) -> Iterator[Finding]:
    """In strict mode, pods that no policy names reach nothing, CoreDNS and operators among them."""
    mode = cluster.addons.vpc_cni.environment.get("NETWORK_POLICY_ENFORCING_MODE", "standard")
    if mode != "standard":
        yield Finding(
            "addons.vpcCni.environment.NETWORK_POLICY_ENFORCING_MODE",
            f"in {mode} mode CoreDNS and the operators, which no policy names, reach nothing",
            "remove it",
        )


@rules.rule("eks.kube-proxy-skew", source="kubernetes.io/releases/version-skew-policy: kube-proxy")
def kube_proxy_fits_the_control_plane(cluster: ClusterSettings) -> Iterator[Finding]:
    """kube-proxy is not newer than the control plane, and at most three minors older."""
    version = cluster.addons.kube_proxy.version
    if version is None:
        return
    behind = parse(cluster.kubernetes_version)[1] - parse(version)[1]
    if not 0 <= behind <= 3:
        yield Finding(
            "addons.kubeProxy.version",
            f"{version} does not fit a control plane of {cluster.kubernetes_version}",
            f"use a version v{cluster.kubernetes_version}.x, or leave it out",
        )


@rules.rule("eks.ebs-csi-hyperpod", source="kubernetes-sigs/aws-ebs-csi-driver pull request 2601")
def the_ebs_driver_knows_hyperpod(cluster: ClusterSettings) -> Iterator[Finding]:
    """On HyperPod volumes are attached through SageMaker, which the driver can since 1.47."""
    version = cluster.addons.aws_ebs_csi_driver.version
    if cluster.substrate == Substrate.HYPERPOD and version and release(version) < (1, 47, 0):
        yield Finding(
            "addons.awsEbsCsiDriver.version",
            f"{version} cannot attach a volume to a HyperPod node",
            "use 1.47 or later, or leave it out",
        )


@rules.rule("eks.addon-pinned", source="components/facts/addons.py", severity=Severity.ADVICE)
def addons_have_a_version(cluster: ClusterSettings) -> Iterator[Finding]:
    """An add-on without a version takes EKS's default of the day."""
    if find_eks_version(cluster.kubernetes_version) is None:
        return
    for name, plan in plan_addons(cluster).items():
        if plan.version is None:
            field = type(cluster.addons).model_fields[ADDON_FIELDS[name]].alias
            yield Finding(
                f"addons.{field}.version",
                f"no version of {name} is pinned for EKS {cluster.kubernetes_version}: "
                "two deployments may get different ones",
                "set it, or let `sglang-hyperpod pin` write it",
            )
