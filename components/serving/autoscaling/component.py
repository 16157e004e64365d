"""The autoscalers of one model."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.base import Component, Context
from components.kube import custom_object
from components.serving.autoscaling.objects import API_VERSION, scaled_object
from components.serving.plan import ModelPlan


class Autoscaling(Component):
    """A ScaledObject for each role of a model that scales; it asks the Prometheus at `prometheus_url`.

    `after` are KEDA, which must be there to take its finalizer off at the end, and the LeaderWorkerSets.
    """

    token = "sglang-hyperpod:serving:Autoscaling"

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: ModelPlan,
        *,
        namespace: pulumi.Input[str],
        prometheus_url: str,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        for group in plan.groups:
            if group.scaling is not None:
                custom_object(
                    f"{name}-{group.role}",
                    API_VERSION,
                    "ScaledObject",
                    # What KEDA cannot scale is an error of the update, not an event that nobody reads.
                    {
                        "name": group.name,
                        "namespace": namespace,
                        "annotations": {"pulumi.com/waitFor": "condition=Ready"},
                    },
                    self.child_after(custom_timeouts=pulumi.CustomTimeouts(create="5m", update="5m", delete="5m")),
                    spec=scaled_object(group, group.scaling, prometheus_url),
                )
        self.register_outputs({})
