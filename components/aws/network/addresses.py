"""Arithmetic of address blocks: how the VPC's is divided, and how large a subnet must be. Pure.

A block is cut into equal slots by `maxZones` alone. Slot *i* is the node subnet of zone *i*; the last slot is cut into
sixteenths, for public subnets (first eight) and control-plane subnets (last eight). So a subnet never moves when zones
are appended or nodes are added, which would replace the subnet and with it the cluster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from ipaddress import IPv4Network

RESERVED_ADDRESSES = 5
"""Addresses that AWS keeps in every subnet (docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html)."""

LARGEST_BLOCK = 16
"""Shortest prefix that a VPC's block may have (the same page)."""

LOAD_BALANCER_PREFIX = 27
"""Longest prefix of a subnet in which an Application Load Balancer can live; it wants eight free addresses there."""

_SHARED_BITS = 4


@dataclass(frozen=True, slots=True)
class Division:
    """A VPC's block cut into subnets, by position of the zone."""

    node: tuple[IPv4Network, ...]
    public: tuple[IPv4Network, ...]
    control_plane: tuple[IPv4Network, ...]


def block(cidr: str) -> IPv4Network | None:
    """`cidr` as a network, or None where it is none (an octet above 255, bits set beyond the prefix)."""
    try:
        return IPv4Network(cidr)
    except ValueError:
        return None


def slot_bits(max_zones: int) -> int:
    """How many bits longer than the block's the prefix of a node subnet is; `max_zones` is 3 or 7."""
    return int(math.log2(max_zones + 1))


def divide(cidr: str, max_zones: int) -> Division:
    """Cut `cidr` into `max_zones` node subnets and as many public and control-plane subnets.

    Raises ValueError for what is no network or too small to be cut.
    """
    slots = list(IPv4Network(cidr).subnets(slot_bits(max_zones)))
    shared = list(slots[-1].subnets(_SHARED_BITS))
    half = len(shared) // 2
    return Division(tuple(slots[:max_zones]), tuple(shared[:half][:max_zones]), tuple(shared[half:][:max_zones]))


def smallest_block(max_zones: int) -> int:
    """Longest prefix of a VPC's block whose shared subnets still hold a load balancer."""
    return LOAD_BALANCER_PREFIX - _SHARED_BITS - slot_bits(max_zones)


def wanted(needed: int, spare_percent: int) -> int:
    """Addresses for `needed` with the spare that the settings ask for."""
    return math.ceil(needed * (100 + spare_percent) / 100)


def prefix_for(addresses: int) -> int:
    """Prefix length of the smallest subnet that leaves that many addresses to the stack."""
    return 32 - math.ceil(math.log2(max(addresses, 1) + RESERVED_ADDRESSES))
