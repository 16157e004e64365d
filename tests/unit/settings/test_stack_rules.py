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
