"""Custom resources and the form of quantities that a cluster leaves alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]


def custom_object(
    logical_name: str,
    api_version: str,
    kind: str,
    metadata: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    **fields: Any,
) -> k8s.apiextensions.CustomResource:
    """A custom resource: `custom_object("x", "keda.sh/v1alpha1", "ScaledObject", {...}, opts, spec={...})`."""
    return k8s.apiextensions.CustomResource(
        logical_name, api_version=api_version, kind=kind, metadata=dict(metadata), opts=opts, **fields
    )


def quantities(resources: Mapping[str, str | int]) -> dict[str, str]:
    """Resource quantities in the form in which Kubernetes writes them back.

    The LeaderWorkerSet webhook re-serialises the pod template, so `8`, `0.5` or `1024Mi` there would show a difference
    in every preview (seen on a real control plane); `"8"`, `500m` and `1Gi` do not.
    """
    return {name: _canonical(str(value)) for name, value in resources.items()}


def _canonical(quantity: str) -> str:
    if match := re.fullmatch(r"(\d+)([KMGTPE]i)", quantity):
        number, power = int(match[1]), _BINARY.index(match[2])
        while number and number % 1024 == 0 and power < len(_BINARY) - 1:
            number, power = number // 1024, power + 1
        return f"{number}{_BINARY[power]}"
    if match := re.fullmatch(r"(\d+)\.(\d{1,3})", quantity):
        milli = int(match[1]) * 1000 + int(match[2].ljust(3, "0"))
        return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"
    if match := re.fullmatch(r"(\d+)m", quantity):
        milli = int(match[1])
        return str(milli // 1000) if milli % 1000 == 0 else quantity
    return quantity
