"""The LeaderWorkerSet controller as a chart release in a namespace of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.facts import pins
from components.kube import PodSecurity, namespace, release
from components.platform.lws.settings import LwsSettings
from components.platform.lws.values import SELECTOR, values


class LeaderWorkerSetController(Component):
    """The controller, on the nodes of `node_selector`, and its CRDs.

    Engines depend on `ready`: their objects need the kind, and their deletion the controller. `metrics`: make a
    ServiceMonitor, which needs the Prometheus operator's CRDs to be there. `disaggregated_sets`: check them at
    admission.
    """

    token = "sglang-hyperpod:platform:LeaderWorkerSetController"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: LwsSettings,
        *,
        node_selector: Mapping[str, str] | None = None,
        metrics: bool = False,
        disaggregated_sets: bool = False,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        room = namespace(f"{name}-namespace", "lws-system", PodSecurity.RESTRICTED, self.child())
        self.namespace = "lws-system"
        self.release = release(
            f"{name}-release",
            replace(pins.LWS, version=settings.chart_version),
            values(
                settings,
                node_selector=node_selector or {},
                metrics=metrics,
                disaggregated_sets=disaggregated_sets,
            ),
            self.child_after(room),  # the release names its namespace as text
            namespace=self.namespace,
            # The chart's webhooks, certificate and roles carry this name whatever the release is called.
            release_name="lws",
        )
        # The chart has none, and drained of both its pods the controller lets no engine pod be made.
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption-budget",
            metadata={"name": "lws-controller-manager", "namespace": self.namespace},
            spec={"max_unavailable": 1, "selector": {"match_labels": SELECTOR}},
            opts=self.child(depends_on=[room]),  # its namespace is text
        )
        self.ready: list[pulumi.Resource] = [self.release]
        self.register_outputs({"namespace": self.namespace})
