"""EKS add-ons by Kubernetes version: real version strings, each with where it was read.

A version goes stale as EKS publishes builds, but an older build stays installable; `sglang-hyperpod pin` looks up newer
ones where there is a network. Where no source gives a version for a Kubernetes version, EKS takes its own default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

AS_OF = date(2026, 8, 20)
"""The day of the documentation's tables."""
DOCS = (
    "docs.aws.amazon.com/eks/latest/userguide: latest-version tables of managing-kube-proxy, managing-coredns and "
    "managing-vpc-cni as of 2026-08-20"
)
QUALIFIED = "rapticore/ore-heaphound-deploy variables.tf: versions qualified for EKS 1.34"
SEEN = "public Terraform for EKS 1.34: addons.tf beside vpc-cni v1.22.4-eksbuild.3 and kube-proxy v1.34.6-eksbuild.21"


@dataclass(frozen=True, slots=True)
class AddonVersion:
    """A version of an add-on that EKS offers for a Kubernetes version."""

    version: str
    source: str


_KNOWN: dict[str, dict[str, AddonVersion]] = {
    "kube-proxy": {
        "1.31": AddonVersion("v1.31.14-eksbuild.20", DOCS),
        "1.32": AddonVersion("v1.32.13-eksbuild.16", DOCS),
        "1.33": AddonVersion("v1.33.10-eksbuild.13", DOCS),
        "1.34": AddonVersion("v1.34.6-eksbuild.13", DOCS),
        "1.35": AddonVersion("v1.35.3-eksbuild.13", DOCS),
        "1.36": AddonVersion("v1.36.0-eksbuild.14", DOCS),
    },
    "coredns": {
        "1.31": AddonVersion("v1.11.4-eksbuild.40", DOCS),
        "1.32": AddonVersion("v1.11.4-eksbuild.40", DOCS),
        "1.33": AddonVersion("v1.12.4-eksbuild.18", DOCS),
        "1.34": AddonVersion("v1.13.2-eksbuild.11", DOCS),
        "1.35": AddonVersion("v1.14.3-eksbuild.3", DOCS),
        "1.36": AddonVersion("v1.14.3-eksbuild.3", DOCS),
    },
    "vpc-cni": dict.fromkeys(
        ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36"), AddonVersion("v1.22.4-eksbuild.3", DOCS)
    ),
    "eks-pod-identity-agent": {"1.34": AddonVersion("v1.3.10-eksbuild.3", QUALIFIED)},
    "aws-ebs-csi-driver": {"1.34": AddonVersion("v1.63.0-eksbuild.1", QUALIFIED)},
    "metrics-server": {"1.34": AddonVersion("v0.9.0-eksbuild.7", SEEN)},
}


def addon_version(addon: str, kubernetes_version: str) -> AddonVersion | None:
    """The pinned version of an add-on (`vpc-cni`) for a Kubernetes version (`1.34`); None where no source has one."""
    return _KNOWN.get(addon, {}).get(kubernetes_version)
