"""Rules that need the network and another section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.aws.network import settings as room
from components.aws.network.models import Nat
from components.aws.network.plan import NetworkPlan, plan_network, short_zones, tight_zones
from components.aws.network.zones import zone_prefix
from components.facts.instances import find_instance
from components.rules import Finding, RuleSet, Severity
from infra.plan.pools import plan_pools, stack_demand

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule("network.zone-region", source="docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html")
def zones_lie_in_the_region(stack: StackSettings) -> Iterator[Finding]:
    """Every zone id is one of the region's."""
    prefix = zone_prefix(stack.region)
    for index, zone in enumerate(stack.network.zones):
        if prefix and zone.rpartition("-az")[0] != prefix:
            yield Finding(
                f"network.zones[{index}]",
                f"{zone} is not in {stack.region}",
                f"use a zone id that begins with {prefix}-az",
            )


@rules.rule("network.pool-zone", source="a node needs a subnet in its zone")
def pools_and_file_systems_have_a_subnet(stack: StackSettings) -> Iterator[Finding]:
    """Node pools and the file system lie in zones of the network."""
    if not stack.network.zones:
        return  # Said once, at network.zones.
    zones = ", ".join(stack.network.zones)
    wanted = [(f"nodePools[{index}].zone", pool.zone) for index, pool in enumerate(stack.node_pools)]
    if stack.file_system:
        wanted.append(("fileSystem.zone", stack.file_system.zone))
    for path, zone in wanted:
        if zone not in stack.network.zones:
            yield Finding(path, f"{zone} is not among the network's zones ({zones})", f"add {zone} to network.zones")


@rules.rule(
    "network.single-nat",
    source="docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html",
    severity=Severity.WARNING,
)
def a_protected_stack_survives_a_zone(stack: StackSettings) -> Iterator[Finding]:
    """A protected stack does not hang on one zone's NAT gateway."""
    if stack.protect and stack.network.nat == Nat.SINGLE and not stack.network.existing:
        yield Finding(
            "network.nat",
            "the stack is protected, and the loss of one zone takes every node's way out",
            "set nat: perZone",
        )


@rules.rule("network.addresses", source="awslabs/agent-plugins capacity-planning.md: 81 addresses on a p5 node")
def node_subnets_hold_what_is_planned(stack: StackSettings) -> Iterator[Finding]:
    """Nodes, pods and EFA interfaces find addresses in their zone's node subnet."""
    if plan := _planned(stack):
        yield from _in_section(short_zones(plan))


@rules.rule(
    "network.addresses-spare",
    source="replacements and rollouts overlap what they replace",
    severity=Severity.WARNING,
)
def node_subnets_have_addresses_to_spare(stack: StackSettings) -> Iterator[Finding]:
    """Node subnets keep the spare that the settings ask for."""
    if plan := _planned(stack):
        yield from _in_section(tight_zones(plan))


def _in_section(findings: Iterator[Finding]) -> Iterator[Finding]:
    return (Finding(f"network.{finding.path}", finding.message, finding.fix) for finding in findings)


def _planned(stack: StackSettings) -> NetworkPlan | None:
    """The network with its demand; None where a fault of the network or of an instance type is to be mended first."""
    types = [stack.system_pool.instance_type, *(pool.instance_type for pool in stack.node_pools)]
    faults = (problem for rule in room.rules.rules for problem in rule.run("network", stack.network))
    if any(find_instance(name) is None for name in types) or any(one.severity is Severity.ERROR for one in faults):
        return None
    pools, system = plan_pools(stack)
    return plan_network(stack.network, stack_demand(stack, pools, system))
