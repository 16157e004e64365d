"""What the network registers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.aws.identity.policies import wildcards
from components.aws.network.component import Network
from components.aws.network.plan import plan_network
from components.aws.network.settings import NetworkSettings
from tests.support import Recorded, Recording, Unknown, context, run

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
NAT = "aws:ec2/natGateway:NatGateway"
ROUTE = "aws:ec2/route:Route"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ZONES = ["use1-az4", "use1-az6"]


def settings(**given: Any) -> NetworkSettings:
    return NetworkSettings.model_validate({"cidr": "10.64.0.0/16", "zones": ZONES, **given})


def recorded(seen: Callable[[Network], Any] = lambda network: None, **given: Any) -> Recording:
    plan = plan_network(settings(**given), {})
    return run(lambda: seen(Network("network", context(team="inference"), plan)), region="us-east-1")


def names(recording: Recording, type: str) -> set[str]:
    return {resource.name for resource in recording.of_type(type)}


def one(recording: Recording, type: str, name: str) -> Recorded:
    return next(resource for resource in recording.of_type(type) if resource.name == name)


def test_subnets_are_made_by_zone_id_with_the_planned_networks() -> None:
    subnets = recorded().of_type(SUBNET)
    assert {(subnet.inputs["availabilityZoneId"], subnet.inputs["cidrBlock"]) for subnet in subnets} == {
        ("use1-az4", "10.64.0.0/18"),
        ("use1-az6", "10.64.64.0/18"),
        ("use1-az4", "10.64.192.0/22"),
        ("use1-az6", "10.64.196.0/22"),
        ("use1-az4", "10.64.224.0/22"),
        ("use1-az6", "10.64.228.0/22"),
    }


def test_only_the_subnets_of_load_balancers_are_tagged_for_them() -> None:
    recording = recorded()
    tags = {subnet.name: subnet.inputs["tags"] for subnet in recording.of_type(SUBNET)}
    assert tags["network-control-plane-use1-az4"]["kubernetes.io/role/internal-elb"] == "1"
    assert tags["network-public-use1-az4"]["kubernetes.io/role/elb"] == "1"
    assert not [key for key in tags["network-nodes-use1-az4"] if key.startswith("kubernetes.io/")]


def test_everything_passes_between_nodes_in_both_directions_by_rules_of_their_own() -> None:
    recording = recorded()
    group = Unknown("network-nodes.id")
    inward = one(recording, INGRESS, "network-nodes-from-nodes").inputs
    outward = one(recording, EGRESS, "network-nodes-to-nodes").inputs
    for rule in (inward, outward):
        assert rule["ipProtocol"] == "-1"
        assert rule["securityGroupId"] == rule["referencedSecurityGroupId"] == group
    everywhere = one(recording, EGRESS, "network-nodes-to-everywhere").inputs
    assert (everywhere["ipProtocol"], everywhere["cidrIpv4"]) == ("-1", "0.0.0.0/0")
    assert not {"ingress", "egress"} & set(one(recording, GROUP, "network-nodes").inputs)


def test_nobody_gets_in_from_outside_the_group() -> None:
    assert not [rule for rule in recorded(flowLogs={}).of_type(INGRESS) if "cidrIpv4" in rule.inputs]


def test_the_default_security_group_is_closed() -> None:
    (group,) = recorded().of_type("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert not group.inputs.get("ingress")
    assert not group.inputs.get("egress")


@pytest.mark.parametrize(("nat", "gateways"), [("single", 1), ("perZone", 2), ("none", 0)])
def test_nat_gateways_are_as_many_as_asked_for(nat: str, gateways: int) -> None:
    assert len(recorded(nat=nat).of_type(NAT)) == gateways


def test_each_zone_goes_out_through_its_own_nat_gateway() -> None:
    recording = recorded(nat="perZone")
    for zone in ZONES:
        route = one(recording, ROUTE, f"network-private-{zone}-default")
        assert route.inputs["natGatewayId"] == Unknown(f"network-nat-{zone}.id")


def test_a_closed_network_has_no_way_out_and_endpoints_instead() -> None:
    recording = recorded(nat="none", interfaceEndpoints="closed")
    assert not recording.of_type("aws:ec2/internetGateway:InternetGateway")
    assert not recording.of_type(ROUTE)
    assert "network-endpoint-eks-auth" in names(recording, ENDPOINT)
    rule = one(recording, INGRESS, "network-endpoints-from-vpc").inputs
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.64.0.0/16", 443, 443)


def test_s3_is_reached_from_every_private_subnet_without_nat() -> None:
    endpoint = one(recorded(), ENDPOINT, "network-s3").inputs
    assert endpoint["vpcEndpointType"] == "Gateway"
    assert endpoint["serviceName"] == "com.amazonaws.us-east-1.s3"
    assert endpoint["routeTableIds"] == [Unknown(f"network-private-{zone}.id") for zone in ZONES]


def test_nodes_wait_for_routes_and_endpoints() -> None:
    seen: list[str] = []
    recorded(lambda network: seen.extend(resource._name for resource in network.egress_ready))
    assert {"network-private-use1-az4-default", "network-nodes-use1-az6-routes", "network-s3"} <= set(seen)


def test_flow_logs_write_into_their_own_group_and_nowhere_else() -> None:
    plan = plan_network(settings(flowLogs={"traffic": "ALL", "retentionDays": 30}), {})
    recording = run(lambda: Network("network", context(), plan), preview=False, region="us-east-1")
    (log,) = recording.of_type("aws:ec2/flowLog:FlowLog")
    (group,) = recording.of_type("aws:cloudwatch/logGroup:LogGroup")
    (policy,) = recording.of_type("aws:iam/rolePolicy:RolePolicy")
    assert log.inputs["trafficType"] == "ALL"
    assert group.inputs["retentionInDays"] == 30
    assert policy.urn in log.depends_on
    assert wildcards(policy.inputs["policy"]) == []
    assert all("log" in arn for arn in json.loads(policy.inputs["policy"])["Statement"][0]["Resource"])


def test_an_existing_vpc_gets_a_security_group_and_nothing_else() -> None:
    subnets = {zone: {"id": f"subnet-0000000{index}", "cidr": f"10.1.{index}.0/24"} for index, zone in enumerate(ZONES)}
    inner = {zone: {"id": f"subnet-0000001{index}", "cidr": f"10.1.9{index}.0/24"} for index, zone in enumerate(ZONES)}
    vpc = {"vpcId": "vpc-0000000a", "nodeSubnets": subnets, "controlPlaneSubnets": inner}
    recording = recorded(existing=vpc)
    made = {resource.type for resource in recording.resources if resource.creates}
    assert made == {GROUP, INGRESS, EGRESS}
    assert one(recording, GROUP, "network-nodes").inputs["vpcId"] == "vpc-0000000a"


def test_every_resource_is_a_child_of_the_network_and_tagged_where_it_can_be() -> None:
    recording = recorded(flowLogs={})
    network = next(resource for resource in recording.resources if resource.component)
    made = [resource for resource in recording.resources if resource.creates]
    assert {resource.parent for resource in made} == {network.urn}
    assert {resource.inputs["tags"]["team"] for resource in made if "tags" in resource.inputs} == {"inference"}
    assert {resource.type for resource in made if "tags" not in resource.inputs} == {
        "aws:ec2/route:Route",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:iam/rolePolicy:RolePolicy",
    }


def test_what_interfaces_hang_on_is_given_time_to_go() -> None:
    recording = recorded()
    for resource in [*recording.of_type(SUBNET), one(recording, GROUP, "network-nodes")]:
        assert resource.custom_timeouts.get("delete") == "30m"
