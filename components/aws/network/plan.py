"""The subnets of each zone, and whether what runs there finds addresses. Pure.

Control-plane subnets also hold the internal load balancers: no pod has an address there, so a network policy can admit
a load balancer by its subnets and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from components.aws.network.addresses import (
    LARGEST_BLOCK,
    RESERVED_ADDRESSES,
    divide,
    prefix_for,
    slot_bits,
    wanted,
)
from components.aws.network.models import ExistingVpc, NetworkSettings, SubnetReference
from components.rules import Finding


@dataclass(frozen=True, slots=True)
class SubnetPlan:
    """A subnet to make (`id` is None) or to use (`id` is known)."""

    cidr: str
    id: str | None = None
    free_addresses: int | None = None

    @property
    def available(self) -> int:
        """Addresses for the stack: what the owner says is free, or the whole subnet but for those that AWS keeps."""
        if self.free_addresses is not None:
            return self.free_addresses
        return max(0, IPv4Network(self.cidr).num_addresses - RESERVED_ADDRESSES)


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """The subnets of one zone, and how many addresses its nodes, pods and EFA interfaces want."""

    zone: str
    node: SubnetPlan
    control_plane: SubnetPlan
    public: SubnetPlan | None
    needed: int

    @property
    def available(self) -> int:
        """Addresses of the node subnet."""
        return self.node.available


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What the network component builds, and what preview shows of it. `vpc_id` is None for a new VPC."""

    settings: NetworkSettings
    vpc_id: str | None
    vpc_cidr: str | None
    zones: tuple[ZonePlan, ...]

    @property
    def nat_gateways(self) -> int:
        """How many NAT gateways are made."""
        if self.vpc_id or self.settings.nat == "none":
            return 0
        return 1 if self.settings.nat == "single" else len(self.zones)

    @property
    def internal_load_balancer_cidrs(self) -> tuple[str, ...]:
        """Networks of internal load balancers: no pod has an address there."""
        return tuple(zone.control_plane.cidr for zone in self.zones)

    @property
    def public_load_balancer_cidrs(self) -> tuple[str, ...]:
        """Networks of internet-facing load balancers; empty in a closed network."""
        return tuple(zone.public.cidr for zone in self.zones if zone.public)

    def zone(self, zone: str) -> ZonePlan:
        """The plan of a zone by its id; KeyError with the zones that there are."""
        for plan in self.zones:
            if plan.zone == zone:
                return plan
        raise KeyError(f"{zone} is not one of {', '.join(plan.zone for plan in self.zones)}")


def address_demand(zones: Sequence[str], pools: Iterable[tuple[str, int]], spread: int) -> dict[str, int]:
    """Addresses that nodes, pods and EFA interfaces want, by zone id.

    `pools` are (zone, addresses) of what stays in its zone. `spread` are the addresses of nodes that spread over the
    zones; since they may crowd into one for a while, each zone has room for all of them.
    """
    demand = Counter(dict.fromkeys(zones, spread))
    for zone, addresses in pools:
        demand[zone] += addresses
    return dict(demand)


def plan_network(settings: NetworkSettings, demand: Mapping[str, int]) -> NetworkPlan:
    """The network for `demand` (addresses that nodes, pods and EFA interfaces want, by zone id).

    Settings must have passed their rules. Demand in a zone that the network does not have is a fault of the pool that
    asks for it (`unknown_zones`) and is left out here.
    """
    if settings.existing:
        zones = tuple(_existing_zone(settings.existing, zone, demand.get(zone, 0)) for zone in settings.zones)
        return NetworkPlan(settings, settings.existing.vpc_id, None, zones)
    division = divide(settings.cidr, settings.max_zones)
    open_network = settings.nat != "none"
    zones = tuple(
        ZonePlan(
            zone,
            SubnetPlan(str(division.node[index])),
            SubnetPlan(str(division.control_plane[index])),
            SubnetPlan(str(division.public[index])) if open_network else None,
            demand.get(zone, 0),
        )
        for index, zone in enumerate(settings.zones)
    )
    return NetworkPlan(settings, None, settings.cidr, zones)


def _existing_zone(existing: ExistingVpc, zone: str, needed: int) -> ZonePlan:
    public = existing.public_subnets.get(zone)
    return ZonePlan(
        zone,
        _reference(existing.node_subnets[zone]),
        _reference(existing.control_plane_subnets[zone]),
        _reference(public) if public else None,
        needed,
    )


def _reference(subnet: SubnetReference) -> SubnetPlan:
    return SubnetPlan(subnet.cidr, subnet.id, subnet.free_addresses)


def short_zones(plan: NetworkPlan) -> Iterator[Finding]:
    """Zones whose nodes, pods and EFA interfaces do not fit into the node subnet: nodes would fail to start."""
    for zone in plan.zones:
        if zone.needed > zone.available:
            yield _capacity_finding(plan, zone, zone.needed)


def tight_zones(plan: NetworkPlan) -> Iterator[Finding]:
    """Zones where everything fits, but with less spare than asked for."""
    for zone in plan.zones:
        target = wanted(zone.needed, plan.settings.spare_addresses_percent)
        if zone.needed <= zone.available < target:
            yield _capacity_finding(plan, zone, target)


def _capacity_finding(plan: NetworkPlan, zone: ZonePlan, target: int) -> Finding:
    message = (
        f"the nodes planned in {zone.zone} take {zone.needed} addresses "
        f"and its node subnet {zone.node.cidr} has {zone.available}"
    )
    prefix = prefix_for(target)
    if plan.vpc_id:
        fix = f"give a node subnet with at least {target} free addresses (/{prefix} when empty)"
        return Finding(f"existing.nodeSubnets.{zone.zone}", message, fix)
    block = prefix - slot_bits(plan.settings.max_zones)
    if block >= LARGEST_BLOCK:
        return Finding("cidr", message, f"use a block of /{block} or larger, so that a node subnet has {target}")
    return Finding("cidr", message, f"spread the pools over zones: {target} addresses in one exceed what a /16 gives")
