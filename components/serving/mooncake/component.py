"""The store of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.serving.manifest import Spec
from components.serving.mooncake.objects import deployment, exchanging, service, serving
from components.serving.mooncake.plan import StorePlan

START_MINUTES = 30
"""Minutes in which a node pulls the engines' image and the master starts."""


class Store(Component):
    """The master of a model's Mooncake store, its Service, and who may talk to whom.

    It starts `after` the namespace's policies and accounts; engines start after it (`ready`), since a rank that does
    not reach its master within a minute and a half gives up (0.3.13.post1, seen).
    """

    token = "sglang-hyperpod:serving:Store"

    ready: list[pulumi.Resource]
    """The Deployment, there once the master answers, its Service, and the policies of its clients."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: StorePlan,
        *,
        namespace: pulumi.Input[str],
        monitoring_namespace: str | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self._namespace = namespace
        specs = {plan.name: serving(plan, monitoring_namespace)}
        specs |= {f"{group}-pages": exchanging(plan, group) for group in plan.groups}
        policies = [
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{what}-policy", metadata=self._metadata(what), spec=spec, opts=self.child()
            )
            for what, spec in specs.items()
        ]
        made = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=self._metadata(plan.name),
            spec=deployment(plan),
            # Account and policies are named as text, or not at all.
            opts=self.child_after(
                *policies,
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{START_MINUTES}m", update=f"{START_MINUTES}m", delete="10m"
                ),
            ),
        )
        # Its address is that of the Deployment's pod, which is waited for anyway.
        entry = k8s.core.v1.Service(
            f"{name}-service",
            metadata=self._metadata(plan.name, annotations={"pulumi.com/skipAwait": "true"}),
            spec=service(plan),
            opts=self.child(),
        )
        self.ready = [made, entry, *policies]
        self.register_outputs({})

    def _metadata(self, name: str, **more: Any) -> Spec:
        return {"name": name, "namespace": self._namespace, **more}
