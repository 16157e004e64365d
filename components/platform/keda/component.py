"""KEDA as a chart release in a namespace of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pulumi

from components.base import Component, Context
from components.facts import pins
from components.kube import PodSecurity, namespace, release
from components.platform.keda.settings import KedaSettings
from components.platform.keda.values import OPERATOR_SERVICE_ACCOUNT, values


class Keda(Component):
    """KEDA and its CRDs, on the nodes of `node_selector`.

    Scalers depend on `ready`: KEDA must be there to take its finalizer off them at the end. `metrics`: make
    ServiceMonitors, which need the Prometheus operator's CRDs to be there. `scales_sets`: scale roles of
    DisaggregatedSets too.
    """

    token = "sglang-hyperpod:platform:Keda"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: KedaSettings,
        *,
        node_selector: Mapping[str, str] | None = None,
        metrics: bool = False,
        scales_sets: bool = False,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        room = namespace(f"{name}-namespace", "keda", PodSecurity.RESTRICTED, self.child())
        self.namespace = "keda"
        self.service_account = OPERATOR_SERVICE_ACCOUNT
        self.release = release(
            f"{name}-release",
            replace(pins.KEDA, version=settings.chart_version),
            values(
                settings,
                cluster_name=ctx.cluster_name,
                node_selector=node_selector or {},
                metrics=metrics,
                scales_sets=scales_sets,
            ),
            self.child_after(room),  # the release names its namespace as text
            namespace=self.namespace,
        )
        self.ready: list[pulumi.Resource] = [self.release]
        self.register_outputs({"namespace": self.namespace})
