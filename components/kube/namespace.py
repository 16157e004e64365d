"""Namespaces, each with its Pod Security level."""

from __future__ import annotations

from enum import StrEnum

import pulumi
import pulumi_kubernetes as k8s


class PodSecurity(StrEnum):
    """Pod Security Standards, https://kubernetes.io/docs/concepts/security/pod-security-standards/."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"
    PRIVILEGED = "privileged"


def namespace(logical_name: str, name: str, level: PodSecurity, opts: pulumi.ResourceOptions) -> k8s.core.v1.Namespace:
    """A namespace whose pods must meet `level`; what misses `restricted` is reported to the one who applies it."""
    labels = {"pod-security.kubernetes.io/enforce": level.value, "pod-security.kubernetes.io/warn": level.value}
    return k8s.core.v1.Namespace(logical_name, metadata={"name": name, "labels": labels}, opts=opts)
