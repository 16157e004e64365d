"""How many groups may serve, and what moves them: a section of the report, and its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from components.serving.autoscaling.queries import RECENT_SECONDS
from infra.plan.cost import price_of_type
from infra.report.figures import count, money

if TYPE_CHECKING:
    from components.serving.autoscaling.plan import ScalingPlan
    from components.serving.plan import GroupPlan
    from infra.plan import Plan

COLUMNS = ("model", "groups", "nodes", "one more group when", "fewer after", "without metrics")


def scaled_groups(plan: Plan) -> list[GroupPlan]:
    """The roles that an autoscaler moves."""
    return [group for model in plan.models for group in model.groups if group.scaling]


def scaling_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """A row for each role that scales."""
    for group in scaled_groups(plan):
        scaling = group.scaling
        if scaling is not None:
            yield (
                group.name,
                f"{scaling.least} to {scaling.most}, begins with {group.replicas}",
                f"{group.nodes_of(scaling.least)} to {group.nodes_of(scaling.most)} of {group.pool.nodes}",
                "; ".join(trigger.says for trigger in scaling.triggers),
                f"{scaling.stabilisation.down_seconds} s, one every {scaling.stabilisation.down_period_seconds} s",
                _without_metrics(scaling),
            )


def scaling_remarks(plan: Plan) -> Iterator[str]:
    """What scaling costs and saves: nodes are paid for whether groups run on them or not."""
    yield "Nodes are fixed, and paid for with and without groups: scaling moves the load, not the bill."
    for group in scaled_groups(plan):
        if group.least_replicas == 0:
            yield _from_zero(group)
    names = dict.fromkeys(group.pool.name for group in scaled_groups(plan))
    for pool in (plan.pool(name) for name in names):
        idle = pool.nodes - plan.nodes_at_least(pool)
        if idle > 0:
            price = price_of_type(plan.settings.prices, pool.instance_type)
            worth = "at an unknown price" if price is None else f"{money(price * idle, plan.cost.currency)} an hour"
            yield f"Idle with the fewest groups: {count(idle, 'node')} of {pool.name} ({worth})."


def idle_minutes(scaling: ScalingPlan | None) -> int | None:
    """Minutes without a request after which the last group goes; None where it stays."""
    if scaling is None or scaling.idle_seconds is None:
        return None
    return (scaling.idle_seconds + RECENT_SECONDS) // 60


def _from_zero(group: GroupPlan) -> str:
    """What the first request waits for. The node is there, and has the image from the group before."""
    load = group.probes.load_minutes
    weights = "an unknown time" if load is None else f"up to about {max(1, round(load))} min"
    return (
        f"{group.name} has no group after {idle_minutes(group.scaling)} min without a request. The first token after "
        "that waits for one: "
        f"reading the weights takes {weights}, and a start is given up after {group.ready_minutes} min."
    )


def scaling_json(scaling: ScalingPlan | None) -> dict[str, Any] | None:
    """Limits, triggers and pace of one role."""
    if scaling is None:
        return None
    return {
        "min_replicas": scaling.least,
        "idle_minutes": idle_minutes(scaling),
        "max_replicas": scaling.most,
        "triggers": [
            {"name": trigger.name, "type": trigger.type, "says": trigger.says, **trigger.metadata}
            for trigger in scaling.triggers
        ],
        "up_seconds": scaling.stabilisation.up_seconds,
        "down_seconds": scaling.stabilisation.down_seconds,
        "down_period_seconds": scaling.stabilisation.down_period_seconds,
        "without_metrics": scaling.fallback.replicas,
    }


def _without_metrics(scaling: ScalingPlan) -> str:
    least = scaling.fallback.replicas
    return "the number stays" if least is None else f"{least} at least"
