"""What it saves to bring up the rest of a stack beside its GPU nodes and not after them. Pure: imports no Pulumi."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.plan.cost import price_of_type

if TYPE_CHECKING:
    from infra.plan.order import GpuWait, Order
    from infra.settings.prices import PriceTable


@dataclass(frozen=True, slots=True)
class Saving:
    """`minutes` sooner until every model serves, and `gpu_minutes` less for which GPU nodes are paid before that, the
    longest of all pools; `cost` is what those would cost, None where a price is unknown. Negative is later, or more.

    `exact` is False where a duration on the way is unknown: it counts as nothing in both orders, and with it more would
    be saved, not less, as long as the GPU nodes do not wait for it.
    """

    minutes: float
    gpu_minutes: float
    cost: float | None
    exact: bool


def saving_of(order: Order, sequential: Order, prices: PriceTable) -> Saving | None:
    """Compare the order with that in which GPU nodes come first; None for a stack without GPU nodes or models."""
    if not order.gpu_waits:
        return None
    first = {wait.resource.urn: wait for wait in sequential.gpu_waits}
    pairs = [(wait, first[wait.resource.urn]) for wait in order.gpu_waits]
    costs = [_cost(wait, other, prices) for wait, other in pairs]
    return Saving(
        minutes=max(other.serving for _, other in pairs) - max(wait.serving for wait, _ in pairs),
        gpu_minutes=max((other.minutes - wait.minutes for wait, other in pairs), key=abs),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        exact=all(wait.exact for wait in order.gpu_waits),
    )


def _cost(wait: GpuWait, other: GpuWait, prices: PriceTable) -> float | None:
    """What the nodes of one resource cost in the minutes between the two waits."""
    total = 0.0
    for instance_type, count in zip(wait.instances, wait.counts, strict=True):
        price = price_of_type(prices, instance_type)
        if price is None:
            return None
        total += price * count * (other.minutes - wait.minutes) / 60
    return total
