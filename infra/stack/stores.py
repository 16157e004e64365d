"""The part of the narrative about models' own Mooncake stores, which need no GPU and precede the engines."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.base import Context
from components.monitoring.component import Monitoring, PodMonitors
from components.monitoring.monitors import StoreTarget
from components.serving.mooncake.component import Store
from components.serving.mooncake.objects import labels
from components.serving.mooncake.plan import METRICS_PORT
from infra.plan import Plan


def deploy_stores(
    ctx: Context,
    plan: Plan,
    *,
    namespace: pulumi.Input[str],
    monitoring: Monitoring | None,
    after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> dict[str, list[pulumi.Resource]]:
    """The master of each model's store, and what Prometheus scrapes of them: what engines wait for, by model. `after`
    are nodes, and the policies and accounts of the engines' `namespace`.
    """
    stores = {model.name: model.store for model in plan.models if model.store}
    if stores and monitoring is not None:
        PodMonitors(
            "store-monitors",
            ctx,
            namespace=namespace,
            targets=[StoreTarget(store.name, name, labels(store.name), METRICS_PORT) for name, store in stores.items()],
            interval_seconds=plan.settings.monitoring.scrape_interval_seconds,
            # The kind PodMonitor comes with the operator.
            after=monitoring.ready,
            opts=opts,
        )
    return {
        name: Store(
            store.name,
            ctx,
            store,
            namespace=namespace,
            monitoring_namespace=monitoring.namespace if monitoring else None,
            after=after,
            opts=opts,
        ).ready
        for name, store in stores.items()
    }
