"""The EFA device plugin as a chart release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from components.base import Component, Context
from components.facts import pins
from components.kube import release
from components.platform.efa.settings import EfaSettings
from components.platform.efa.values import values


class EfaPlugin(Component):
    """The DaemonSet that advertises `vpc.amazonaws.com/efa`, in `kube-system`, on nodes of the given types.

    `instance_types` as the nodes' label `node.kubernetes.io/instance-type` says; `tolerations` answer the taints of
    their pools. Not to be made where no pool has EFA.
    """

    token = "sglang-hyperpod:platform:EfaPlugin"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: EfaSettings,
        *,
        instance_types: Sequence[str],
        tolerations: Sequence[Mapping[str, Any]],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.namespace = "kube-system"
        self.release = release(
            f"{name}-release",
            replace(pins.EFA_DEVICE_PLUGIN, version=settings.chart_version),
            values(settings, region=ctx.region, instance_types=instance_types, tolerations=tolerations),
            self.child_after(),
            namespace=self.namespace,
            skip_await=True,  # its nodes are made later, and cost too much to wait for
        )
        self.ready: list[pulumi.Resource] = [self.release]
        self.register_outputs({"release": self.release.name})
