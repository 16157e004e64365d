"""Add-ons of EKS: one way to make one, and the configuration of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.eks.models import VpcCniSettings
from components.aws.eks.plan import AddonPlan
from components.base import Component

SYSTEM_REPLICAS = 2
"""Replicas of CoreDNS and of the EBS controller: one can be lost with its node."""


def addon(
    owner: Component,
    plan: AddonPlan,
    cluster_name: pulumi.Input[str],
    *,
    configuration: pulumi.Input[Mapping[str, Any]] | None = None,
    logical_name: str | None = None,
    depends_on: Sequence[pulumi.Resource] = (),
    timeout: str = "20m",
) -> aws.eks.Addon:
    """An add-on of which the stack is the only owner: what others changed is put back at each update.

    `depends_on` has the pod identity of its pods, if they have one: credentials are injected when a pod is admitted,
    and one that came first would have none.
    """
    return aws.eks.Addon(
        logical_name or f"{owner.name}-{plan.name}",
        cluster_name=cluster_name,
        addon_name=plan.name,
        addon_version=plan.version,
        configuration_values=pulumi.Output.json_dumps(configuration, sort_keys=True)
        if configuration is not None
        else None,
        resolve_conflicts_on_create="OVERWRITE",
        resolve_conflicts_on_update="OVERWRITE",
        tags=dict(owner.ctx.tags),
        opts=owner.child_after(
            *depends_on,
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout, delete=timeout),
        ),
    )


def vpc_cni_configuration(settings: VpcCniSettings) -> dict[str, Any]:
    """Network policies are enforced, which they are not by default; strings, since the add-on's schema wants them.

    The enforcing mode stays `standard`: in `strict` mode pods that no policy names, CoreDNS among them, reach nothing.
    """
    configuration: dict[str, Any] = {"enableNetworkPolicy": "true"}
    if settings.environment:
        configuration["env"] = dict(sorted(settings.environment.items()))
    return configuration


def coredns_configuration(node_selector: Mapping[str, str]) -> dict[str, Any]:
    """CoreDNS on the system pool, where it does not go with a GPU node."""
    return {"replicaCount": SYSTEM_REPLICAS, "nodeSelector": dict(node_selector)}


def ebs_csi_configuration(node_selector: Mapping[str, str]) -> dict[str, Any]:
    """The controller on the system pool; the node plugin goes where volumes are attached, whatever the taints."""
    return {
        "controller": {"replicaCount": SYSTEM_REPLICAS, "nodeSelector": dict(node_selector)},
        "node": {"tolerateAllTaints": True},
    }
