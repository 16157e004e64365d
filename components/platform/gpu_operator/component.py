"""The NVIDIA GPU operator as a chart release in a namespace of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from components.base import Component, Context
from components.facts import pins
from components.kube import PodSecurity, namespace, release
from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.gpu_operator.values import Substrate, values


class GpuOperator(Component):
    """Device plugin, feature discovery and DCGM exporter on the GPU nodes.

    `tolerations` answer the taints of the GPU pools; the operator itself runs on the nodes of `node_selector`.
    `metrics`: let the operator make a ServiceMonitor; it looks for that kind once, so this component must then be made
    after the Prometheus operator.
    """

    token = "sglang-hyperpod:platform:GpuOperator"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: GpuOperatorSettings,
        *,
        substrate: Substrate,
        tolerations: Sequence[Mapping[str, Any]],
        node_selector: Mapping[str, str] | None = None,
        metrics: bool = False,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        # Device plugin, validator and exporter are privileged pods with host paths.
        room = namespace(f"{name}-namespace", "gpu-operator", PodSecurity.PRIVILEGED, self.child())
        self.namespace = "gpu-operator"
        self.release = release(
            f"{name}-release",
            replace(pins.GPU_OPERATOR, version=settings.chart_version),
            values(
                settings,
                substrate=substrate,
                tolerations=tolerations,
                node_selector=node_selector or {},
                metrics=metrics,
            ),
            self.child_after(room),  # the release names its namespace as text
            namespace=self.namespace,
            skip_await=True,  # what it runs on GPU nodes waits for nodes that do not exist yet
        )
        self.ready: list[pulumi.Resource] = [self.release]
        self.register_outputs({"namespace": self.namespace})
