"""Every rule over one pool, and over the system pool, broken once: where it says so, and what."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.nodes.rules import rules, system_rules
from components.aws.nodes.settings import NodePool, SystemPoolSettings
from components.rules import Problem, Severity

P5 = {"name": "p5", "instanceType": "ml.p5.48xlarge", "nodes": 4, "zone": "use1-az6"}
PLAN = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5-winter"


def pool_problems(**given: Any) -> list[Problem]:
    pool = NodePool.model_validate({**P5, **given})
    return [problem for rule in rules.rules for problem in rule.run("nodePools[0]", pool)]


def system_problems(**given: Any) -> list[Problem]:
    pool = SystemPoolSettings.model_validate(given)
    return [problem for rule in system_rules.rules for problem in rule.run("systemPool", pool)]


def test_plain_pools_break_no_rule() -> None:
    assert pool_problems() == []
    assert pool_problems(instanceType="g6.12xlarge") == []
    assert system_problems() == []


@pytest.mark.parametrize(
    "capacity",
    [
        {"kind": "spot"},
        {"kind": "capacityReservation", "id": "cr-02168da1478b509e0"},
        {"kind": "capacityBlock", "id": "cr-02168da1478b509e0", "endsAt": "2026-12-31T11:30:00Z"},
        {"kind": "trainingPlan", "arn": PLAN, "endsAt": "2026-12-31T11:30:00Z"},
    ],
)
def test_each_kind_of_capacity_can_be_said_without_a_problem(capacity: dict[str, str]) -> None:
    assert pool_problems(capacity=capacity) == []


@pytest.mark.parametrize(
    ("given", "rule", "path", "message", "fix"),
    [
        (
            {"instanceType": "ml.p5.49xlarge"},
            "nodes.instance",
            "instanceType",
            "ml.p5.49xlarge is not an instance type",
            "ml.p5.48xlarge",
        ),
        ({"instanceType": "m7i.4xlarge"}, "nodes.gpu", "instanceType", "m7i.4xlarge has no GPU", "a GPU type"),
        ({"instanceType": "m7g.4xlarge"}, "nodes.architecture", "instanceType", "m7g.4xlarge is arm64", "x86_64"),
        (
            {"capacity": {"kind": "capacityBlock", "endsAt": "2026-12-31T11:30:00Z"}},
            "nodes.capacity",
            "capacity.id",
            "capacityBlock needs the id",
            "cr-",
        ),
        (
            {"capacity": {"id": "cr-02168da1478b509e0"}},
            "nodes.capacity",
            "capacity.id",
            "onDemand takes no id",
            "capacityReservation",
        ),
        (
            {"capacity": {"kind": "trainingPlan", "endsAt": "2026-12-31T11:30:00Z"}},
            "nodes.capacity",
            "capacity.arn",
            "trainingPlan needs the plan's ARN, and there is none",
            "training-plan/NAME",
        ),
        (
            {
                "capacity": {
                    "kind": "trainingPlan",
                    "arn": "arn:aws:eks:us-east-1:123456789012:cluster/x",
                    "endsAt": "2026-12-31T11:30:00Z",
                }
            },
            "nodes.capacity",
            "capacity.arn",
            "arn:aws:eks:us-east-1:123456789012:cluster/x is not one",
            "training-plan/NAME",
        ),
        (
            {"capacity": {"arn": PLAN}},
            "nodes.capacity",
            "capacity.arn",
            "onDemand takes no ARN",
            "trainingPlan",
        ),
        (
            {"capacity": {"kind": "spot", "endsAt": "2026-12-31T11:30:00Z"}},
            "nodes.capacity-end-unused",
            "capacity.endsAt",
            "spot does not end at a date",
            "leave endsAt out",
        ),
        (
            {"capacity": {"kind": "trainingPlan", "arn": PLAN}},
            "nodes.capacity-end",
            "capacity.endsAt",
            "30 minutes before its end",
            "2026-12-31",
        ),
        ({"minNodes": 5}, "nodes.min-nodes", "minNodes", "minNodes 5 is more than nodes 4", "at most 4"),
        (
            {"labels": {"node.kubernetes.io/tier": "x"}},
            "nodes.labels",
            "labels.node.kubernetes.io/tier",
            "belongs to Kubernetes",
            "example.com/",
        ),
        (
            {"labels": {f"example.com/l{number}": "x" for number in range(50)}},
            "nodes.labels-count",
            "labels",
            "50 labels",
            "at most 49",
        ),
        (
            {"taints": [{"key": f"example.com/t{number}"} for number in range(51)]},
            "nodes.taints",
            "taints",
            "51 taints",
            "at most 50",
        ),
        (
            {"taints": [{"key": "Not/A/Key"}]},
            "nodes.taints",
            "taints[0].key",
            "Not/A/Key is not a taint key",
            "nvidia.com/gpu",
        ),
        (
            {"taints": [{"key": "sagemaker.amazonaws.com/node-health-status"}]},
            "nodes.taints",
            "taints[0].key",
            "belongs to Kubernetes or AWS",
            "of your own",
        ),
        (
            {"taints": [{"key": "nvidia.com/gpu", "value": ""}]},
            "nodes.taints",
            "taints[0].value",
            "'' is not a taint value",
            "true",
        ),
        (
            {"taints": [{"key": "nvidia.com/gpu"}, {"key": "nvidia.com/gpu", "value": "yes"}]},
            "nodes.taints",
            "taints",
            "nvidia.com/gpu is there 2 times",
            "keep one",
        ),
        ({"taints": []}, "nodes.untainted", "taints", "no taint keeps pods without GPUs off", "NoSchedule"),
        ({"threadsPerCore": 1}, "nodes.threads", "threadsPerCore", "96 of 192 vCPUs", "threadsPerCore: 2"),
        (
            {"deepHealthChecks": ["InstanceStress"]},
            "nodes.deep-health-checks",
            "deepHealthChecks",
            "60 to 90 minutes",
            "StartClusterHealthCheck",
        ),
        (
            {"nodes": 1, "deepHealthChecks": ["InstanceConnectivity"]},
            "nodes.deep-health-checks-list",
            "deepHealthChecks",
            "the pool has 1",
            "two nodes",
        ),
        (
            {"deepHealthChecks": ["InstanceStress", "InstanceStress"]},
            "nodes.deep-health-checks-list",
            "deepHealthChecks",
            "listed twice",
            "once",
        ),
        ({"storageGiB": 60}, "nodes.storage", "storageGiB", "60 GiB", "at least 200"),
    ],
)
def test_a_broken_pool_rule_names_path_fault_and_fix(
    given: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [
        problem for problem in pool_problems(**given) if (problem.rule, problem.path) == (rule, f"nodePools[0].{path}")
    ]
    assert len(found) == 1
    assert message in found[0].message
    assert fix in found[0].fix


@pytest.mark.parametrize(
    ("given", "rule", "path", "message", "fix"),
    [
        ({"instanceType": "m7j.2xlarge"}, "system.instance", "instanceType", "m7j.2xlarge is not", "m7i.2xlarge"),
        (
            {"instanceType": "ml.m7i.2xlarge"},
            "system.prefix",
            "instanceType",
            "ml.m7i.2xlarge is HyperPod's name",
            "use m7i.2xlarge",
        ),
        ({"instanceType": "g6.xlarge"}, "system.cpu", "instanceType", "g6.xlarge has 1 GPU that", "m7i.2xlarge"),
        ({"instanceType": "m7g.2xlarge"}, "system.architecture", "instanceType", "m7g.2xlarge is arm64", "x86_64"),
        ({"nodes": 1}, "system.nodes", "nodes", "one node", "at least 2"),
        (
            {"labels": {"eks.amazonaws.com/x": "y"}},
            "system.labels",
            "labels.eks.amazonaws.com/x",
            "belongs to Kubernetes, AWS",
            "example.com/",
        ),
        (
            {"instanceType": "m7i.large", "nodes": 1},
            "system.pods",
            "instanceType",
            "1 x m7i.large hold 23 pods",
            "a larger size",
        ),
        (
            {"instanceType": "m7i.large", "nodes": 2},
            "system.pods-spare",
            "nodes",
            "1 x m7i.large hold 23 pods, and the system has 27",
            "one node more",
        ),
    ],
)
def test_a_broken_system_rule_names_path_fault_and_fix(
    given: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [
        problem for problem in system_problems(**given) if (problem.rule, problem.path) == (rule, f"systemPool.{path}")
    ]
    assert len(found) == 1
    assert message in found[0].message
    assert fix in found[0].fix


def test_waste_and_risk_are_warnings_and_the_impossible_are_errors() -> None:
    warnings = {rule.id for rule in (*rules.rules, *system_rules.rules) if rule.severity is Severity.WARNING}
    assert warnings == {
        "nodes.capacity-end",
        "nodes.untainted",
        "nodes.threads",
        "nodes.deep-health-checks",
        "nodes.storage",
        "system.nodes",
        "system.pods-spare",
    }


def test_one_fault_does_not_hide_another() -> None:
    found = pool_problems(instanceType="ml.p5.49xlarge", minNodes=9, taints=[])
    assert {problem.rule for problem in found} == {"nodes.instance", "nodes.min-nodes", "nodes.untainted"}
