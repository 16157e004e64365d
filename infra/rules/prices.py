"""Rules of the price table."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from components.facts.instances import UnknownInstance, instance
from components.rules import Finding, RuleSet, Severity

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule(
    "prices.instance-type", source="components/facts/instances.py: the instance table", severity=Severity.WARNING
)
def prices_are_of_instance_types(stack: StackSettings) -> Iterator[Finding]:
    """Every price of an hour is of an instance type, so that a slip in a name does not leave the cost unknown."""
    own = [*(pool.instance_type for pool in stack.node_pools), stack.system_pool.instance_type]
    for name in stack.prices.per_hour:
        try:
            instance(name)
        except UnknownInstance as unknown:
            # A family that the table leaves out on purpose exists all the same, and may have a price.
            close = [] if unknown.why else get_close_matches(name, own, n=1, cutoff=0.8) or unknown.close[:1]
            fix = f"did you mean {close[0]}?" if close else "remove it, or name an EC2 type such as p5.48xlarge"
            if not unknown.why:
                yield Finding(f"prices.perHour.{name}", "is no instance type, so the price is never used", fix)
