"""The versions of the core add-ons, as the settings and the pins have them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from components.aws.eks.models import ClusterSettings
from components.facts.addons import addon_version

ADDON_FIELDS = {
    "vpc-cni": "vpc_cni",
    "kube-proxy": "kube_proxy",
    "eks-pod-identity-agent": "eks_pod_identity_agent",
    "coredns": "coredns",
    "metrics-server": "metrics_server",
    "aws-ebs-csi-driver": "aws_ebs_csi_driver",
}
"""The core add-ons as EKS names them, with the settings field of each."""


@dataclass(frozen=True, slots=True)
class AddonPlan:
    """An add-on. `version` is None where EKS picks its own default, which only AWS can tell."""

    name: str
    version: str | None
    source: str


def plan_addons(settings: ClusterSettings) -> dict[str, AddonPlan]:
    """The core add-ons of a cluster, by EKS's name of each."""
    return {
        name: plan_addon(name, getattr(settings.addons, field).version, settings.kubernetes_version)
        for name, field in ADDON_FIELDS.items()
    }


def plan_addon(name: str, wanted: str | None, kubernetes_version: str) -> AddonPlan:
    """The version of an add-on: the user's, else the pinned one, else EKS's default."""
    if wanted:
        return AddonPlan(name, wanted, "the settings")
    if pinned := addon_version(name, kubernetes_version):
        return AddonPlan(name, pinned.version, pinned.source)
    return AddonPlan(name, None, f"the default of EKS {kubernetes_version}")
