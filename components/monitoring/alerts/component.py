"""The rules of a stack as PrometheusRules."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.base import Component, Context
from components.kube import custom_object
from components.monitoring.alerts.plan import AlertsPlan


class Alerts(Component):
    """A PrometheusRule for each family of alerts and for each model, in `namespace`.

    It waits for the Prometheus operator (`Monitoring.ready`, by `after`); the workload that it watches depends on
    `ready`, so that no failure comes before its alert.
    """

    token = "sglang-hyperpod:monitoring:Alerts"

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: AlertsPlan,
        *,
        namespace: pulumi.Input[str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.ready: list[pulumi.Resource] = [
            custom_object(
                f"{name}-{rules.name}",
                "monitoring.coreos.com/v1",
                "PrometheusRule",
                {"name": f"sglang-{rules.name}", "namespace": namespace},
                self.child_after(),
                spec={"groups": [dict(group) for group in rules.groups]},
            )
            for rules in plan.objects
        ]
        self.register_outputs({})
