"""Every rule of the network, each broken once: where it says so, and what."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.aws.network.settings import NetworkSettings, rules
from components.aws.nodes.settings import NodePool, SystemPoolSettings
from components.monitoring.settings import MonitoringSettings
from components.rules import Problem, Severity
from infra.rules import RULE_SETS

across = import_module("infra.rules.network")

ZONES = ["use1-az4", "use1-az6"]
NODES = {
    "use1-az4": {"id": "subnet-0000000a", "cidr": "10.1.0.0/20"},
    "use1-az6": {"id": "subnet-0000000b", "cidr": "10.1.16.0/20"},
}
INNER = {
    "use1-az4": {"id": "subnet-0000000c", "cidr": "10.1.32.0/27"},
    "use1-az6": {"id": "subnet-0000000d", "cidr": "10.1.32.32/27"},
}


def network(**settings: Any) -> NetworkSettings:
    return NetworkSettings.model_validate({"zones": ZONES, **settings})


def existing(**settings: Any) -> NetworkSettings:
    vpc = {"vpcId": "vpc-0000000a", "nodeSubnets": NODES, "controlPlaneSubnets": INNER, **settings}
    return network(existing=vpc)


def problems(settings: NetworkSettings) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for rule in rules.rules:
        for problem in rule.run(rules.section, settings):
            found.setdefault(problem.rule, []).append(problem)
    return found


def only(settings: NetworkSettings, rule: str) -> Problem:
    found = problems(settings)
    assert list(found) == [rule]
    assert len(found[rule]) == 1
    return found[rule][0]


@pytest.mark.parametrize(
    "settings",
    [
        network(),
        network(cidr="10.40.0.0/21"),
        network(nat="none", interfaceEndpoints="closed"),
        network(maxZones=7, zones=[f"use1-az{number}" for number in range(1, 7)]),
        existing(),
    ],
)
def test_good_settings_break_no_rule_but_that_a_closed_network_wants_mirrored_images(settings: NetworkSettings) -> None:
    assert set(problems(settings)) <= {"network.closed-images"}


def test_one_zone_is_too_few() -> None:
    problem = only(network(zones=["use1-az4"]), "network.two-zones")
    assert problem.path == "network.zones"
    assert "names only use1-az4" in problem.message


def test_no_zone_is_too_few() -> None:
    assert "names none" in only(NetworkSettings(), "network.two-zones").message


def test_a_zone_named_twice_is_found_where_it_is_repeated() -> None:
    problem = only(network(zones=[*ZONES, "use1-az4"]), "network.zone-once")
    assert problem.path == "network.zones[2]"


def test_more_zones_than_the_block_is_divided_for() -> None:
    problem = only(network(zones=[f"use1-az{number}" for number in range(1, 5)]), "network.zones-fit")
    assert problem.path == "network.zones"
    assert "4 zones are listed, the block is divided for 3" in problem.message
    assert "maxZones: 7" in problem.fix


@pytest.mark.parametrize(
    ("cidr", "fix"), [("10.0.0.1/16", "use 10.0.0.0/16"), ("10.0.300.0/16", "write a network such as 10.0.0.0/16")]
)
def test_a_block_that_is_no_network_is_mended(cidr: str, fix: str) -> None:
    problem = only(network(cidr=cidr), "network.cidr")
    assert problem.path == "network.cidr"
    assert problem.message == f"{cidr} is no network"
    assert problem.fix == fix


def test_a_subnet_that_is_no_network_is_found_where_it_stands() -> None:
    wrong = {**NODES, "use1-az4": {"id": "subnet-0000000a", "cidr": "10.1.0.7/20"}}
    problem = only(existing(nodeSubnets=wrong), "network.cidr")
    assert problem.path == "network.existing.nodeSubnets.use1-az4.cidr"


@pytest.mark.parametrize(("cidr", "zones"), [("10.0.0.0/22", 3), ("10.0.0.0/21", 7)])
def test_a_small_block_leaves_load_balancers_too_little(cidr: str, zones: int) -> None:
    problem = only(network(cidr=cidr, maxZones=zones), "network.cidr-size")
    assert problem.path == "network.cidr"
    assert "leaves load balancers less than a /27" in problem.message


def test_a_block_larger_than_aws_takes() -> None:
    problem = only(network(cidr="10.0.0.0/8"), "network.cidr-size")
    assert "no VPC block larger than /16" in problem.message
    assert problem.fix == "use a block between /16 and /21"


@pytest.mark.parametrize(("cidr", "said"), [("8.8.0.0/16", "is not private"), ("172.17.0.0/16", "Docker")])
def test_a_block_that_collides_is_a_warning(cidr: str, said: str) -> None:
    problem = only(network(cidr=cidr), "network.cidr-private")
    assert said in problem.message
    assert problem.severity is Severity.WARNING


def test_a_closed_network_without_endpoints_lets_no_node_join() -> None:
    problem = problems(network(nat="none", interfaceEndpoints=["ec2", "ecr.api", "ecr.dkr"]))[
        "network.closed-endpoints"
    ]
    assert [(one.path, one.severity) for one in problem] == [("network.interfaceEndpoints", Severity.ERROR)]
    assert "without endpoints for eks, eks-auth, logs, sts no node joins" in problem[0].message


def test_a_closed_network_wants_mirrored_images() -> None:
    problem = only(network(nat="none", interfaceEndpoints="closed"), "network.closed-images")
    assert problem.path == "network.nat"
    assert problem.severity is Severity.WARNING


def test_an_existing_vpc_without_a_subnet_in_a_zone() -> None:
    problem = only(existing(controlPlaneSubnets={"use1-az4": INNER["use1-az4"]}), "network.existing-subnets")
    assert problem.path == "network.existing.controlPlaneSubnets"
    assert problem.message == "there is no subnet in use1-az6"


def test_a_load_balancer_subnet_of_an_existing_vpc_is_a_27_at_least() -> None:
    small = {**INNER, "use1-az6": {"id": "subnet-0000000d", "cidr": "10.1.32.32/28"}}
    problem = only(existing(controlPlaneSubnets=small), "network.existing-load-balancers")
    assert problem.path == "network.existing.controlPlaneSubnets.use1-az6.cidr"


def test_subnets_of_an_existing_vpc_that_overlap() -> None:
    wrong = {**INNER, "use1-az6": {"id": "subnet-0000000d", "cidr": "10.1.0.0/27"}}
    problem = only(existing(controlPlaneSubnets=wrong), "network.existing-overlap")
    assert problem.path == "network.existing.controlPlaneSubnets.use1-az6.cidr"
    assert problem.message == "10.1.0.0/27 overlaps 10.1.0.0/20 of existing.nodeSubnets.use1-az4"


def test_load_balancers_in_a_node_subnet_are_a_warning() -> None:
    problem = only(existing(publicSubnets={"use1-az4": NODES["use1-az4"]}), "network.existing-shared")
    assert problem.path == "network.existing.publicSubnets.use1-az4.id"
    assert problem.severity is Severity.WARNING


def test_what_shapes_a_new_vpc_has_no_effect_on_an_existing_one() -> None:
    settings = existing()
    both = network(existing=settings.existing, cidr="10.0.0.0/16")
    problem = only(both, "network.existing-ignored")
    assert problem.path == "network.cidr"


def stack(settings: NetworkSettings, **others: Any) -> Any:
    plain = {
        "region": "us-east-1",
        "protect": False,
        "network": settings,
        "cluster": SimpleNamespace(substrate="hyperpod"),
        "system_pool": SystemPoolSettings(),
        "node_pools": [],
        "file_system": None,
        "monitoring": MonitoringSettings(),
    }
    return SimpleNamespace(**{**plain, **others})


def across_problems(subject: Any) -> list[Problem]:
    return [problem for rule in across.rules.rules for problem in rule.run("", subject)]


def pool(**given: Any) -> NodePool:
    plain = {"name": "p5", "instanceType": "ml.p5.48xlarge", "nodes": 5, "zone": "use1-az4"}
    return NodePool.model_validate({**plain, **given})


def test_nodes_that_find_no_address_in_their_zone() -> None:
    small = network(cidr="10.0.0.0/21")
    (problem,) = across_problems(stack(small, node_pools=[pool(nodes=30)]))
    assert (problem.rule, problem.path, problem.severity) == ("network.addresses", "network.cidr", Severity.ERROR)
    assert "the nodes planned in use1-az4 take" in problem.message
    assert not across_problems(stack(network(), node_pools=[pool(nodes=30)]))


def test_nodes_that_leave_little_to_spare_are_a_warning() -> None:
    tight = network(cidr="10.0.0.0/21", spareAddressesPercent=400)
    (problem,) = across_problems(stack(tight, node_pools=[pool(nodes=2)]))
    assert (problem.rule, problem.severity) == ("network.addresses-spare", Severity.WARNING)


def test_addresses_are_not_counted_while_the_network_or_a_type_is_wrong() -> None:
    assert not across_problems(stack(network(cidr="10.0.0.1/21"), node_pools=[pool(nodes=30)]))
    unknown = pool(nodes=30, instanceType="ml.p99.48xlarge")
    assert not across_problems(stack(network(cidr="10.0.0.0/21"), node_pools=[unknown]))


def test_a_zone_of_another_region() -> None:
    (problem,) = across_problems(stack(network(zones=["use1-az4", "usw2-az1"])))
    assert (problem.rule, problem.path) == ("network.zone-region", "network.zones[1]")
    assert problem.fix == "use a zone id that begins with use1-az"


def test_pools_and_the_file_system_lie_in_zones_of_the_network() -> None:
    pools = [pool(zone="use1-az4"), pool(zone="use1-az2")]
    found = across_problems(stack(network(), node_pools=pools, file_system=SimpleNamespace(zone="use1-az1")))
    assert {problem.rule for problem in found} == {"network.pool-zone"}
    assert [problem.path for problem in found] == ["nodePools[1].zone", "fileSystem.zone"]


def test_a_protected_stack_with_one_nat_gateway_is_a_warning() -> None:
    (problem,) = across_problems(stack(network(), protect=True))
    assert (problem.rule, problem.path) == ("network.single-nat", "network.nat")
    assert problem.severity is Severity.WARNING
    assert not across_problems(stack(network(nat="perZone"), protect=True))


def test_both_rule_sets_are_among_those_of_the_stack() -> None:
    assert [sum(known is one for known in RULE_SETS) for one in (rules, across.rules)] == [1, 1]


def test_every_rule_has_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.id for rule in [*rules.rules, *across.rules.rules] if f'"{rule.id}"' not in text] == []
