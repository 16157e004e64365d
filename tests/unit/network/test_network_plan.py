"""How the VPC is divided: properties that hold for every block, zone list and demand."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws.network.addresses import LOAD_BALANCER_PREFIX, prefix_for, smallest_block
from components.aws.network.plan import NetworkPlan, SubnetPlan, plan_network, short_zones, tight_zones
from components.aws.network.settings import NetworkSettings
from components.aws.network.zones import zone_prefix


@st.composite
def plans(draw: st.DrawFn) -> NetworkPlan:
    max_zones = draw(st.sampled_from([3, 7]))
    prefix = draw(st.integers(16, smallest_block(max_zones)))
    block = IPv4Network((draw(st.integers(0, 2**16 - 1)) << 16, prefix), strict=False)
    numbers = draw(st.lists(st.integers(1, 9), min_size=2, max_size=max_zones, unique=True))
    zones = [f"use1-az{number}" for number in numbers]
    demand = {zone: draw(st.integers(0, 40_000)) for zone in zones}
    nat = draw(st.sampled_from(["single", "perZone", "none"]))
    settings = NetworkSettings.model_validate({"cidr": str(block), "zones": zones, "maxZones": max_zones, "nat": nat})
    return plan_network(settings, demand)


def subnets(plan: NetworkPlan) -> list[IPv4Network]:
    made = [subnet for zone in plan.zones for subnet in (zone.node, zone.control_plane, zone.public) if subnet]
    return [IPv4Network(subnet.cidr) for subnet in made]


@given(plans())
def test_subnets_never_overlap(plan: NetworkPlan) -> None:
    assert not [pair for pair in combinations(subnets(plan), 2) if pair[0].overlaps(pair[1])]


@given(plans())
def test_subnets_lie_inside_the_vpc(plan: NetworkPlan) -> None:
    block = IPv4Network(str(plan.vpc_cidr))
    assert all(subnet.subnet_of(block) for subnet in subnets(plan))


@given(plans())
def test_what_does_not_fit_is_said(plan: NetworkPlan) -> None:
    full = {zone.zone for zone in plan.zones if zone.needed > zone.available}
    said = {zone for zone in full for finding in short_zones(plan) if zone in finding.message}
    assert said == full
    assert len(list(short_zones(plan))) == len(full)


@given(plans())
def test_load_balancers_have_room_and_no_pod_beside_them(plan: NetworkPlan) -> None:
    nodes = [IPv4Network(zone.node.cidr) for zone in plan.zones]
    for cidr in map(IPv4Network, plan.internal_load_balancer_cidrs + plan.public_load_balancer_cidrs):
        assert cidr.prefixlen <= LOAD_BALANCER_PREFIX
        assert not any(cidr.overlaps(node) for node in nodes)


@given(plans(), st.data())
def test_appending_a_zone_or_adding_nodes_moves_no_subnet(plan: NetworkPlan, data: st.DataObject) -> None:
    fewer = plan.settings.model_copy(update={"zones": plan.settings.zones[:2]})
    before = plan_network(fewer, {zone: data.draw(st.integers(0, 9)) for zone in fewer.zones})
    for old, new in zip(before.zones, plan.zones, strict=False):
        assert (old.node, old.control_plane, old.public) == (new.node, new.control_plane, new.public)


@given(st.integers(1, 60_000))
def test_the_suggested_prefix_is_the_smallest_that_holds_the_addresses(addresses: int) -> None:
    prefix = prefix_for(addresses)
    assert SubnetPlan(f"10.0.0.0/{prefix}").available >= addresses
    assert SubnetPlan(f"10.0.0.0/{prefix + 1}").available < addresses


def planned(demand: int, **settings: object) -> NetworkPlan:
    zones = ["use1-az4", "use1-az6"]
    return plan_network(NetworkSettings.model_validate({"zones": zones, **settings}), {"use1-az4": demand})


def test_the_shipped_block_divided() -> None:
    zone = planned(405, cidr="10.64.0.0/16").zone("use1-az6")
    assert (zone.node.cidr, zone.control_plane.cidr) == ("10.64.64.0/18", "10.64.228.0/22")
    assert zone.public == SubnetPlan("10.64.196.0/22")


def test_five_p5_nodes_do_not_fit_into_a_21() -> None:
    (finding,) = short_zones(planned(600, cidr="10.0.0.0/21"))
    assert finding.path == "cidr"
    assert finding.message == (
        "the nodes planned in use1-az4 take 600 addresses and its node subnet 10.0.0.0/23 has 507"
    )
    assert finding.fix == "use a block of /20 or larger, so that a node subnet has 600"


def test_less_spare_than_asked_for_is_found_apart() -> None:
    plan = planned(400, cidr="10.0.0.0/21", spareAddressesPercent=50)
    assert not list(short_zones(plan))
    (finding,) = tight_zones(plan)
    assert "a node subnet has 600" in finding.fix


def test_more_than_the_largest_block_gives_wants_more_zones() -> None:
    (finding,) = short_zones(planned(20_000, cidr="10.0.0.0/16"))
    assert finding.fix.startswith("spread the pools over zones")


@pytest.mark.parametrize(("nat", "gateways"), [("single", 1), ("perZone", 2), ("none", 0)])
def test_nat_gateways(nat: str, gateways: int) -> None:
    assert planned(0, nat=nat).nat_gateways == gateways


def test_an_existing_subnet_has_what_its_owner_says_is_free() -> None:
    subnet = {"id": "subnet-0000000a", "cidr": "10.1.0.0/20", "freeAddresses": 300}
    inner = {"id": "subnet-0000000b", "cidr": "10.1.32.0/27"}
    vpc = {
        "vpcId": "vpc-0000000a",
        "nodeSubnets": {"use1-az4": subnet, "use1-az6": subnet},
        "controlPlaneSubnets": {"use1-az4": inner, "use1-az6": inner},
    }
    plan = planned(400, existing=vpc)
    (finding,) = short_zones(plan)
    assert finding.path == "existing.nodeSubnets.use1-az4"
    assert "at least 400 free addresses (/23 when empty)" in finding.fix
    assert plan.nat_gateways == 0


@pytest.mark.parametrize(
    ("region", "prefix"),
    [
        ("us-east-1", "use1"),
        ("us-west-2", "usw2"),
        ("ap-southeast-3", "apse3"),
        ("eu-central-1", "euc1"),
        ("ca-central-1", "cac1"),
        ("us-gov-west-1", "usgw1"),
        ("cn-northwest-1", "cnnw1"),
        ("mars-1", None),
    ],
)
def test_the_prefix_of_a_regions_zones(region: str, prefix: str | None) -> None:
    assert zone_prefix(region) == prefix
