"""How many groups may serve, and what moves them: a section of the report, and its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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
    names = dict.fromkeys(group.pool.name for group in scaled_groups(plan))
    for pool in (plan.pool(name) for name in names):
        idle = pool.nodes - plan.nodes_at_least(pool)
        if idle > 0:
            price = price_of_type(plan.settings.prices, pool.instance_type)
            worth = "at an unknown price" if price is None else f"{money(price * idle, plan.cost.currency)} an hour"
            yield f"Idle with the fewest groups: {count(idle, 'node')} of {pool.name} ({worth})."


def scaling_json(scaling: ScalingPlan | None) -> dict[str, Any] | None:
    """Limits, triggers and pace of one role."""
    if scaling is None:
        return None
    return {
        "min_replicas": scaling.least,
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
