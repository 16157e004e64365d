"""Rules over the whole stack file: names, tags, region."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from components.rules import Problem
from infra.settings import load_stack_file, validate

ROOT = Path(__file__).parents[3]


@pytest.fixture
def dev() -> dict[str, Any]:
    return copy.deepcopy(load_stack_file(ROOT / "Pulumi.dev.yaml"))


def only(raw: dict[str, Any], rule: str) -> Problem:
    (problem,) = [problem for problem in validate(raw).errors if problem.rule == rule]
    return problem


def test_a_slip_in_the_region(dev: dict[str, Any]) -> None:
    dev["region"] = "us-esat-1"
    problem = only(dev, "stack.region")
    assert (problem.path, problem.message) == ("region", "us-esat-1 is no AWS region")
    assert "us-east-1" in problem.fix


def test_two_pools_of_one_name(dev: dict[str, Any]) -> None:
    dev["nodePools"].append(dict(dev["nodePools"][0]))
    problem = only(dev, "stack.pool-names")
    assert (problem.path, problem.message) == ("nodePools[1].name", "g6 is also nodePools[0]")


def test_two_models_of_one_name(dev: dict[str, Any]) -> None:
    dev["models"].append(dict(dev["models"][0]))
    problem = only(dev, "stack.model-names")
    assert (problem.path, problem.message) == ("models[1].name", "qwen3-8b is also models[0]")


def test_a_model_called_like_a_part_of_the_stack(dev: dict[str, Any]) -> None:
    dev["models"][0]["name"] = "network"
    problem = only(dev, "stack.names-apart")
    assert (problem.path, problem.message) == ("models[0].name", "network is a part of the stack itself")


def test_a_tag_with_the_prefix_of_aws(dev: dict[str, Any]) -> None:
    dev["tags"]["aws:owner"] = "me"
    problem = only(dev, "stack.tag-prefix")
    assert problem.path == "tags.aws:owner"
    assert problem.message == "AWS keeps keys that begin with aws: for itself"


def test_a_region_in_china(dev: dict[str, Any]) -> None:
    dev["region"] = "cn-north-1"
    problem = only(dev, "stack.partition")
    assert problem.path == "region"
    assert problem.message.startswith("cn-north-1 is in the partition aws-cn")


def test_a_pool_whose_role_would_have_too_long_a_name(dev: dict[str, Any]) -> None:
    dev["nodePools"][0]["name"] = dev["models"][0]["nodePool"] = "g" * 52
    problem = only(dev, "stack.role-names")
    assert (problem.path, problem.fix) == ("nodePools[0].name", "use 51 characters at most")


def test_a_model_that_streams_and_whose_role_would_have_too_long_a_name(dev: dict[str, Any]) -> None:
    dev["models"][0] |= {"name": "m" * 43, "weights": {"source": "s3", "uri": "s3://models/qwen3-8b"}}
    problem = only(dev, "stack.role-names")
    assert (problem.path, problem.fix) == ("models[0].name", "use 42 characters at most")


def test_an_existing_vpc_without_its_zones_is_one_error_that_names_them(dev: dict[str, Any]) -> None:
    def subnets(third: int) -> dict[str, Any]:
        zones = ("use1-az4", "use1-az6")
        return {
            zone: {"id": f"subnet-00000{third:02d}{at}", "cidr": f"10.1.{third + 16 * at}.0/20"}
            for at, zone in enumerate(zones)
        }

    vpc = {"vpcId": "vpc-0000000a", "nodeSubnets": subnets(0), "controlPlaneSubnets": subnets(64)}
    dev["network"] = {"existing": vpc}
    (problem,) = validate(dev).errors
    assert (problem.path, problem.rule) == ("network.zones", "network.two-zones")
    assert problem.fix == "set zones: [use1-az4, use1-az6], those of existing.nodeSubnets"
    vpc["nodeSubnets"]["use1-az4"]["id"] = "subnet-1"
    assert "network.existing.nodeSubnets.use1-az4.id" in {each.path for each in validate(dev).errors}


def test_a_degree_that_divides_nothing_is_one_error_with_those_that_do() -> None:
    prod = copy.deepcopy(load_stack_file(ROOT / "Pulumi.prod.yaml"))
    prod["models"][0]["parallelism"] = {"tensor": 5}
    (problem,) = [each for each in validate(prod).errors if each.rule == "layout.divisible"]
    assert "128 attention heads do not divide over 5 attention ranks; an expert's 2048 columns" in problem.message
    assert problem.fix.startswith("use tensor: ")
    for tensor in problem.fix.removeprefix("use tensor: ").split(" or "):
        prod["models"][0]["parallelism"] = {"tensor": int(tensor)}
        assert not [each for each in validate(prod).errors if each.rule == "layout.divisible"], tensor


@pytest.mark.parametrize("typo", ["m7i.2xlrge", "m7i2xlarge", "m7i-2xlarge", "M7i.2xlarge"])
def test_a_slip_in_an_instance_type_gets_the_likely_one(dev: dict[str, Any], typo: str) -> None:
    dev["systemPool"] = {"instanceType": typo}
    dev["nodePools"][0]["instanceType"] = typo.replace("m7i", "g6").replace("M7i", "G6").replace("2x", "12x")
    by_path = {problem.path: problem for problem in validate(dev).errors}
    assert "m7i.2xlarge" in by_path["systemPool.instanceType"].fix
    assert "g6.12xlarge" in by_path["nodePools[0].instanceType"].fix


def test_one_node_is_a_node(dev: dict[str, Any]) -> None:
    dev["nodePools"][0]["nodes"] = 1
    messages = [problem.message for problem in validate(dev).problems]
    assert any("pool g6 has 1 node, its models need 2" in message for message in messages)
    assert not [message for message in messages if " 1 nodes" in message]
