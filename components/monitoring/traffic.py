"""A namespace of monitoring, closed but for what is opened."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component
from components.kube import PodSecurity, namespace
from components.network_policies import Spec, allow_dns, deny_all


def closed_namespace(
    owner: Component, name: str, level: PodSecurity, openings: Mapping[str, Spec], *, names: bool = True
) -> list[pulumi.Resource]:
    """The namespace and its policies, `openings` by the policy's name; whatever runs there waits for all of them.

    `names` says whether its pods may ask for names.
    """
    # It takes its claims with it when it goes: a volume driver that left first would leave their disks.
    room = namespace(f"{owner.name}-{name}-namespace", name, level, owner.child_after())
    policies_of = {"deny-all": deny_all(), **({"allow-dns": allow_dns()} if names else {}), **openings}
    policies = [
        k8s.networking.v1.NetworkPolicy(
            f"{owner.name}-{name}-{what}",
            metadata={"name": what, "namespace": name},
            spec=spec,
            # The policy names its namespace as text.
            opts=owner.child(depends_on=[room]),
        )
        for what, spec in policies_of.items()
    ]
    return [room, *policies]
