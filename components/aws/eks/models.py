"""What the user says about the EKS cluster: version, access, endpoint, logs, keys, add-ons."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from components.settings import Arn, DnsLabel, Ipv4Cidr, Settings

ClusterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
"""A cluster's name. Both EKS and HyperPod take it; it is short because bucket and role names are built from it."""

KubernetesVersion = Annotated[str, StringConstraints(pattern=r"^1\.\d{2}$")]
"""A Kubernetes minor version as EKS names it, in quotes in YAML: `"1.34"`."""

AddonVersionText = Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")]
"""A version of an EKS add-on, e.g. `v1.22.4-eksbuild.3`."""

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""Name of an environment variable."""

LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
"""A log of the control plane."""


class Substrate(StrEnum):
    """What the GPU nodes are made of."""

    HYPERPOD = "hyperpod"
    EKS = "eks"


_NOT_BUILT = ("auto", "existing")
"""Substrates that the design has and this version does not build: the schema does not offer them."""


def _built(given: object) -> object:
    if given in _NOT_BUILT:
        raise PydanticCustomError("not_built", "{given} is not built yet; use hyperpod or eks", {"given": given})
    return given


class SupportPolicy(StrEnum):
    """What EKS does when standard support ends: upgrade the cluster by itself, or bill extended support."""

    STANDARD = "STANDARD"
    EXTENDED = "EXTENDED"


class AuthenticationMode(StrEnum):
    """How IAM principals get into the cluster."""

    API = "API"
    API_AND_CONFIG_MAP = "API_AND_CONFIG_MAP"
    CONFIG_MAP = "CONFIG_MAP"


class AccessPolicy(StrEnum):
    """EKS access policies, https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html."""

    CLUSTER_ADMIN = "AmazonEKSClusterAdminPolicy"
    ADMIN = "AmazonEKSAdminPolicy"
    ADMIN_VIEW = "AmazonEKSAdminViewPolicy"
    EDIT = "AmazonEKSEditPolicy"
    VIEW = "AmazonEKSViewPolicy"


class AccessEntry(Settings):
    """Who may do what in the cluster, besides its creator, who is always its administrator."""

    principal_arn: Arn
    """ARN of an IAM role or user; a role's path belongs to it."""
    policy: AccessPolicy = AccessPolicy.VIEW
    """What the principal may do."""
    namespaces: list[DnsLabel] = Field(default_factory=list)
    """Where; empty means the whole cluster."""


class EndpointSettings(Settings):
    """The Kubernetes API's address. Inside the VPC it is always reachable; nodes use it there."""

    public_cidrs: list[Ipv4Cidr] = Field(default_factory=list, max_length=40)
    """Networks that may reach it from the internet; empty switches the public address off. EKS takes at most 40."""


class AddonSettings(Settings):
    """An add-on of EKS."""

    version: AddonVersionText | None = None
    """Its version. null takes the one pinned for the Kubernetes version (`components/facts/addons.py`), or EKS's own
    default where none is pinned."""


class VpcCniSettings(AddonSettings):
    """The VPC CNI: the network of pods, and what enforces network policies."""

    environment: dict[EnvironmentName, str] = Field(default_factory=dict)
    """Environment of its `aws-node` DaemonSet, beyond the add-on's defaults, e.g. `WARM_IP_TARGET: "2"`."""


class AddonsSettings(Settings):
    """The add-ons that every cluster of the stack has; drivers of other rooms bring their own."""

    vpc_cni: VpcCniSettings = VpcCniSettings()
    """Network of pods."""
    kube_proxy: AddonSettings = AddonSettings()
    """Services on each node; not newer than the control plane."""
    eks_pod_identity_agent: AddonSettings = AddonSettings()
    """Hands IAM credentials to pods."""
    coredns: AddonSettings = AddonSettings()
    """Names inside the cluster."""
    metrics_server: AddonSettings = AddonSettings()
    """`kubectl top` and resource metrics for autoscaling."""
    aws_ebs_csi_driver: AddonSettings = AddonSettings()
    """Volumes of Prometheus and Grafana."""


class ClusterSettings(Settings):
    """Section `cluster`: the EKS control plane and what its GPU nodes are made of."""

    name: ClusterName
    """Name of the EKS cluster, and of the HyperPod cluster on it. Renaming replaces both."""
    substrate: Annotated[Substrate, BeforeValidator(_built)] = Substrate.EKS
    """`hyperpod` (HyperPod instance groups) or `eks` (managed node groups)."""
    kubernetes_version: KubernetesVersion = "1.34"
    """Version of the control plane; EKS upgrades by one minor at a time and never goes back."""
    support_policy: SupportPolicy = SupportPolicy.EXTENDED
    """`EXTENDED` keeps the version after standard support and pays for it; `STANDARD` lets EKS upgrade by itself at
    that date, on HyperPod perhaps beyond what HyperPod supports."""
    authentication_mode: AuthenticationMode = AuthenticationMode.API
    """`API` uses access entries alone; `API_AND_CONFIG_MAP` also reads the `aws-auth` ConfigMap, which anyone who can
    write it can use to become administrator."""
    endpoint: EndpointSettings = EndpointSettings()
    """Who reaches the Kubernetes API."""
    log_types: list[LogType] = Field(default=["api", "audit", "authenticator", "controllerManager", "scheduler"])
    """Control-plane logs that go to CloudWatch."""
    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827] = 90
    """How long they stay, in days (values that CloudWatch Logs takes)."""
    access_entries: list[AccessEntry] = Field(default_factory=list)
    """Principals with access, besides the cluster's creator."""
    secrets_key_arn: Arn | None = None
    """KMS key that encrypts Kubernetes secrets; null makes one. Frozen once deployed: another replaces the cluster."""
    addons: AddonsSettings = AddonsSettings()
    """Versions and options of the core add-ons."""
