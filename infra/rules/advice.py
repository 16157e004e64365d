"""Advice on the hardware: a smaller or better instance type that would serve a model as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.facts.instances import ec2_name
from components.rules import Finding, RuleSet, Severity
from components.serving.placement import Alternative, alternatives, nodes_needed, price_of
from infra.rules.serving import Placed, placed

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule("serving.instance", source="components/serving/memory; prices of the settings", severity=Severity.ADVICE)
def a_better_instance_type_is_named(stack: StackSettings) -> Iterator[Finding]:
    """One node of another type would serve a group: fewer nodes, or less money, with the price where it is known."""
    prices = stack.prices.per_hour
    for here in placed(stack):
        if here.model.packing:
            continue
        prefix = "ml." if here.pool.instance_type.startswith("ml.") else ""
        found = alternatives(here.model, prices=prices, prefix=prefix, offered=_offered(stack, prefix))
        best = _best(here, list(found), price_of(ec2_name(here.pool.instance_type), prices, prefix))
        if best is None:
            continue
        nodes = nodes_needed(here.model, here.node, 1)
        yield Finding(
            here.path("nodePool"),
            f"a group takes {nodes} x {here.pool.instance_type} ({_money(stack, prefix, here.node.name, nodes)}); "
            f"one {prefix}{best.name} ({best.gpus} x {best.gpu}, {_money(stack, prefix, best.name, 1)}) would hold it "
            f"with {best.sizing.kv_tokens} tokens of KV cache",
            f"compare a pool of {prefix}{best.name} with tensor: {best.gpus} and nodesPerGroup: 1",
        )


def _best(here: Placed, found: list[Alternative], price: float | None) -> Alternative | None:
    """The best other type: the cheapest of known price that is cheaper than now; for groups of several nodes, without
    any such, the one with the fewest GPUs.
    """
    others = [other for other in found if other.instance.name != here.node.name]
    nodes = nodes_needed(here.model, here.node, 1)
    cheaper = [other for other in others if price and other.price and other.price < price * nodes]
    if cheaper:
        return min(cheaper, key=lambda other: other.price or 0)
    single = [other for other in found if other.price is None or price is None]
    if nodes == 1 or not single:
        return None
    return min(single, key=lambda other: (other.instance.gpus, other.instance.vcpu))


def _offered(stack: StackSettings, prefix: str) -> frozenset[str] | None:
    """EC2 names that HyperPod offers in the region; None where that is not known."""
    if not prefix:
        return None
    from components.facts.regions import hyperpod_instance_types

    names = hyperpod_instance_types(stack.region)
    return frozenset(ec2_name(name) for name in names) if names else None


def _money(stack: StackSettings, prefix: str, name: str, count: int) -> str:
    """Price of `count` nodes for an hour, said to be EC2's where HyperPod's own is not known."""
    price = price_of(name, stack.prices.per_hour, prefix)
    if price is None:
        return "price not set"
    listed = " at EC2's list price" if prefix and f"{prefix}{name}" not in stack.prices.per_hour else ""
    return f"${price * count:g}/h{listed}"
