"""The HyperPod cluster that the program registers is one that CloudFormation takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.aws.hyperpod.chart import values
from components.aws.hyperpod.component import HyperPod
from components.aws.hyperpod.settings import HyperPodSettings
from components.aws.nodes.plan import plan_pool
from components.aws.nodes.settings import NodePool
from tests.contract.cloudformation import as_cloudformation, extension, faults, schema
from tests.contract.shared import shared
from tests.support import Recorded, context, run

CLUSTER = schema("AWS::SageMaker::Cluster")
PLAN = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5-winter"
SUBNETS = {"use1-az4": "subnet-0123456789abcdef4", "use1-az6": "subnet-0123456789abcdef6"}
P5 = {"name": "p5", "instanceType": "ml.p5.48xlarge", "nodes": 5, "zone": "use1-az6"}
G6E = {"name": "g6e", "instanceType": "ml.g6e.12xlarge", "nodes": 2, "zone": "use1-az4"}


def cluster(pools: list[dict[str, Any]], hyperpod: dict[str, Any]) -> Recorded:
    planned = [plan_pool(NodePool.model_validate(pool), "hyperpod") for pool in pools]

    def program() -> None:
        HyperPod(
            "hyperpod",
            context(team="inference"),
            HyperPodSettings.model_validate(hyperpod),
            pools=planned,
            cluster_arn="arn:aws:eks:us-east-1:123456789012:cluster/sglang-test",
            vpc_id="vpc-0123456789abcdef0",
            subnets=SUBNETS,
            security_group_ids=["sg-0123456789abcdef0"],
        )

    return run(program, preview=False, region="us-east-1").one("aws-native:sagemaker:Cluster")


def properties(pools: list[dict[str, Any]], hyperpod: dict[str, Any]) -> dict[str, Any]:
    """The recorded inputs in CloudFormation's words; the made-up ARN of the role is put into the form of a real one."""
    found = as_cloudformation(dict(cluster(pools, hyperpod).inputs), CLUSTER)
    for group in found["InstanceGroups"]:
        group["ExecutionRole"] = "arn:aws:iam::123456789012:role/hyperpod"
    return found


@pytest.mark.parametrize(
    ("pools", "hyperpod"),
    [
        ([P5, G6E], {}),
        ([{**P5, "capacity": {"kind": "trainingPlan", "arn": PLAN}, "minNodes": 2}], {}),
        ([{**G6E, "capacity": {"kind": "spot"}, "nodes": 0}], {}),
        ([{**P5, "deepHealthChecks": ["InstanceStress", "InstanceConnectivity"], "imageReleaseVersion": "1.2.3"}], {}),
        ([{**P5, "labels": {"example.com/tier": "gold"}, "taints": []}], {"lifecycle": {"mode": "OnInitComplete"}}),
        ([P5], {"lifecycle": {"mode": "Bootstrap"}, "provisioningMode": "Legacy", "nodeRecovery": "None"}),
        ([P5], {"tieredStorage": {"memoryPercent": 20}, "name": "Another-Name"}),
    ],
)
def test_the_cluster_is_valid(pools: list[dict[str, Any]], hyperpod: dict[str, Any]) -> None:
    assert faults(properties(pools, hyperpod), CLUSTER) == []


def test_the_check_would_see_a_misspelt_property_and_a_wrong_value() -> None:
    wrong = properties([P5], {})
    wrong["InstanceGroups"][0]["ThreadsPerCor"] = 2
    wrong["InstanceGroups"][0]["KubernetesConfig"]["Taints"][0]["Effect"] = "NO_SCHEDULE"
    found = " ".join(faults(wrong, CLUSTER))
    assert "ThreadsPerCor" in found
    assert "NO_SCHEDULE" in found


def test_every_property_that_would_replace_the_cluster_is_frozen_or_named_by_the_user() -> None:
    assert set(CLUSTER["createOnlyProperties"]) == {
        "/properties/ClusterName",
        "/properties/VpcConfig",
        "/properties/Orchestrator/Eks",
    }
    assert cluster([P5], {}).ignore_changes == ("vpcConfig",)


def test_cfn_lint_knows_the_types_of_the_shipped_stack_in_its_region() -> None:
    text = json.dumps(extension("aws_sagemaker_cluster/instancetype_enum.json")["us-east-1"])
    assert '"ml.p5.48xlarge"' in text
    assert '"ml.g6e.12xlarge"' in text


def leaves(given: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in given.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


READ_BY_TEMPLATES = {("health-monitoring-agent", "region")}
"""Values that a subchart reads and the umbrella chart only shows in a comment."""


def chart_defaults() -> dict[tuple[str, ...], Any]:
    file: Path = shared("charts/hyperpod-helm-chart-0.1.0.values.yaml")
    return dict(leaves(yaml.safe_load(file.read_text())))


def test_the_chart_knows_every_value_that_it_is_given() -> None:
    known = chart_defaults()
    unknown = {path for path, _ in leaves(values("us-east-1"))} - set(known) - READ_BY_TEMPLATES
    assert unknown == set()


def test_no_part_of_the_chart_is_on_by_default_without_being_decided_here() -> None:
    decided = {path for path, _ in leaves(values("us-east-1"))}
    on = {path for path, value in chart_defaults().items() if path[-1] == "enabled" and value is True}
    assert on - decided == {("cert-manager", "crds", "enabled")}
