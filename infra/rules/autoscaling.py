"""Rules of autoscaling that need the pool, KEDA or Prometheus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet, join
from components.serving.placement import nodes_needed
from components.words import count
from infra.rules.serving import Placed, at_most, located, nodes_together, placed

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule(
    "autoscaling.no-room", source="a group without nodes is pending and serves nobody; LeaderWorkerSet scales on"
)
def the_pool_has_nodes_for_the_most_groups(stack: StackSettings) -> Iterator[Finding]:
    """The most groups of all models of a pool have their nodes together."""
    takers: dict[str, list[Placed]] = defaultdict(list)
    for here in placed(stack):
        takers[here.pool.name].append(here)
    for models in takers.values():
        pool, node = models[0].pool, models[0].node
        needed = nodes_together(models, at_most)
        if needed <= pool.nodes:
            continue
        parts = ", ".join(f"{here.name} {nodes_needed(here.model, node, at_most(here.model))}" for here in models)
        for here in models:
            if here.model.autoscaling and here.model.autoscaling.on:
                yield Finding(
                    here.path("autoscaling.maxReplicas"),
                    f"pool {pool.name} has {count(pool.nodes, 'node')}, "
                    f"at their most its models need {needed} ({parts})",
                    _room_fix(here, models, needed),
                )


def _room_fix(here: Placed, models: list[Placed], needed: int) -> str:
    """The highest maximum that fits, or more nodes."""
    pool = here.pool
    more = f"set nodePools {pool.name} nodes: {needed}"
    for fewer in range(here.model.most_groups - 1, here.model.fewest_groups, -1):

        def groups(model: ModelSettings, fewer: int = fewer) -> int:
            return fewer if model is here.model else at_most(model)

        if nodes_together(models, groups) <= pool.nodes:
            return f"set maxReplicas: {fewer}, or {more.removeprefix('set ')}"
    return f"{more}, or leave autoscaling out"


@rules.rule("autoscaling.keda", source="components/serving/autoscaling: KEDA's ScaledObject")
def something_scales(stack: StackSettings) -> Iterator[Finding]:
    """Where a model scales, this stack's KEDA is there."""
    if stack.platform.keda.enabled:
        return
    for at, role in located(stack):
        scaling = role.settings.autoscaling
        if scaling and scaling.on:
            yield Finding(
                join(at, role.path("autoscaling")),
                "KEDA is off (platform.keda.enabled), so nobody would scale",
                "set platform.keda.enabled: true, or leave autoscaling out",
            )


@rules.rule("autoscaling.prometheus", source="the triggers are questions to Prometheus")
def somebody_knows_the_metrics(stack: StackSettings) -> Iterator[Finding]:
    """Where a model scales, Prometheus scrapes its engines."""
    if stack.monitoring.enabled:
        return
    for at, role in located(stack):
        scaling = role.settings.autoscaling
        if scaling and scaling.on:
            yield Finding(
                join(at, role.path("autoscaling")),
                "monitoring is off, so nobody measures the queue",
                "set monitoring.enabled: true, or leave autoscaling out",
            )
