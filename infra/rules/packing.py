"""Rules of nodes that several pods share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet
from components.serving.placement import gpus_per_pod
from infra.rules.serving import Placed, at_most, nodes_together, placed

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule(
    "serving.fragments",
    source="seen on kube-scheduler 1.34: it spreads small pods over the emptiest nodes, and a large one then fits none",
)
def small_pods_leave_room_for_large_ones(stack: StackSettings) -> Iterator[Finding]:
    """However the scheduler spreads small pods over a pool, every larger pod still finds a node with room."""
    pools: dict[str, list[Placed]] = defaultdict(list)
    for here in placed(stack):
        pools[here.pool.name].append(here)
    for models in pools.values():
        pool, node = models[0].pool, models[0].node
        if nodes_together(models, at_most) > pool.nodes:
            continue
        pods: Counter[int] = Counter()
        for here in models:
            pods[gpus_per_pod(here.model, node)] += at_most(here.model) * here.model.nodes_per_group
        for here in models:
            size = gpus_per_pod(here.model, node)
            smaller = sum(count for each, count in pods.items() if each < size)
            as_large = sum(count * (each // size) for each, count in pods.items() if each >= size)
            places = pool.nodes * (node.gpus // size)
            if smaller and as_large + smaller > places:
                yield Finding(
                    here.path("nodePool"),
                    f"smaller pods may lie on {smaller} nodes of pool {pool.name}, which then has "
                    f"{max(places - smaller, 0)} of the {as_large} places of {size} GPUs that it needs",
                    "give the models with packing a pool of their own, or set "
                    f"nodePools {pool.name} nodes: {-(-(as_large + smaller) // (node.gpus // size))}",
                )
