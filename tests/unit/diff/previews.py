"""Small previews, as `preview --json` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
EKS, EKS_COMPONENT = "aws:eks/cluster:Cluster", "eks:index:Cluster"
HYPERPOD = "aws-native:sagemaker:Cluster"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RANKS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
SETS = "kubernetes:disaggregatedset.x-k8s.io/v1:DisaggregatedSet"
KUBERNETES = "pulumi:providers:kubernetes"


def urn(type: str, name: str) -> str:
    return f"urn:pulumi:dev::sglang-hyperpod::{type}::{name}"


def unknown(source: str) -> dict[str, str]:
    return {"$unknown": source}


def resource(
    type: str,
    name: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    made_from: Mapping[str, Sequence[str]] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A resource; `made_from` has the URNs behind each property."""
    return {
        "urn": urn(type, name),
        "type": type,
        "name": name,
        "inputs": dict(inputs or {}),
        "property_dependencies": dict(made_from or {}),
        "protect": False,
        "retain_on_delete": False,
        **options,
    }


def preview(*resources: Mapping[str, Any], warnings: Sequence[Any] = (), **costs: float | None) -> dict[str, Any]:
    """A preview whose cost has a line for each of `costs`."""
    lines = [{"item": item, "hourly": hourly} for item, hourly in costs.items()]
    known = sum(hourly for hourly in costs.values() if hourly is not None)
    return {
        "stack": "dev",
        "resources": list(resources),
        "warnings": list(warnings),
        "plan": {"cost": {"currency": "USD", "hourly": known, "lines": lines}},
    }
