"""Rules between node pools and the substrate or the models, each broken once."""

from __future__ import annotations

from typing import Any

import pytest

from components.rules import Problem
from infra.rules.nodes import rules
from infra.settings.stack import StackSettings

P5 = {"name": "p5", "instanceType": "ml.p5.48xlarge", "nodes": 4, "zone": "use1-az6"}
R1 = {
    "name": "deepseek-r1",
    "model": "deepseek-ai/DeepSeek-R1",
    "nodePool": "p5",
    "nodesPerGroup": 2,
    "parallelism": {"tensor": 16},
}
BLOCK = {"kind": "capacityBlock", "id": "cr-02168da1478b509e0"}


def problems(
    substrate: str = "hyperpod",
    pool: dict[str, Any] | None = None,
    *,
    more: tuple[dict[str, Any], ...] = (),
    **model: Any,
) -> list[Problem]:
    stack = StackSettings.model_validate(
        {
            "region": model.pop("region", "us-east-1"),
            "network": {"zones": ["use1-az4", "use1-az6"]},
            "cluster": {"name": "c", "substrate": substrate},
            "nodePools": [{**P5, **(pool or {})}, *more],
            "models": [{**R1, **model}],
        }
    )
    return [problem for rule in rules.rules for problem in rule.run("", stack)]


def test_a_plain_pool_breaks_no_rule_on_either_substrate() -> None:
    assert problems() == []
    assert problems("eks", {"instanceType": "p5.48xlarge"}) == []


@pytest.mark.parametrize(
    ("substrate", "pool", "model", "rule", "path", "message", "fix"),
    [
        (
            "hyperpod",
            {"instanceType": "p5.48xlarge"},
            {},
            "nodes.prefix",
            "nodePools[0].instanceType",
            "p5.48xlarge is not how substrate hyperpod calls it",
            "use ml.p5.48xlarge",
        ),
        ("eks", {}, {}, "nodes.prefix", "nodePools[0].instanceType", "substrate eks", "use p5.48xlarge"),
        (
            "hyperpod",
            {"instanceType": "ml.p6-b300.48xlarge"},
            {"region": "eu-west-1"},
            "nodes.region",
            "nodePools[0].instanceType",
            "HyperPod has no ml.p6-b300.48xlarge in eu-west-1",
            "us-west-2",
        ),
        (
            "hyperpod",
            {"instanceType": "ml.p5e.48xlarge"},
            {},
            "nodes.region-unlisted",
            "nodePools[0].instanceType",
            "no region lists ml.p5e.48xlarge for HyperPod",
            "account team",
        ),
        (
            "hyperpod",
            {"capacity": BLOCK},
            {},
            "nodes.capacity-substrate",
            "nodePools[0].capacity.kind",
            "capacityBlock has no effect on substrate hyperpod",
            "onDemand, spot, trainingPlan",
        ),
        (
            "eks",
            {"capacity": {"kind": "trainingPlan"}},
            {},
            "nodes.capacity-substrate",
            "nodePools[0].capacity.kind",
            "trainingPlan has no effect on substrate eks",
            "capacityBlock, capacityReservation, onDemand, spot",
        ),
        (
            "eks",
            {"threadsPerCore": 2},
            {},
            "nodes.substrate-fields",
            "nodePools[0].threadsPerCore",
            "threadsPerCore has no effect on substrate eks",
            "leave threadsPerCore out",
        ),
        (
            "hyperpod",
            {"rootVolumeGiB": 300},
            {},
            "nodes.substrate-fields",
            "nodePools[0].rootVolumeGiB",
            "rootVolumeGiB has no effect on substrate hyperpod",
            "leave rootVolumeGiB out",
        ),
        (
            "hyperpod",
            {"instanceType": "ml.g5.xlarge"},
            {"nodesPerGroup": 1},
            "nodes.pod-budget",
            "nodePools[0].instanceType",
            "a ml.g5.xlarge runs 14 pods on hyperpod; 14 are daemons and 1 would be engines",
            "a larger size",
        ),
        (
            "hyperpod",
            {"capacity": {"kind": "spot"}},
            {},
            "nodes.spot",
            "models[0].nodePool",
            "p5 is spot: any of a group's 2 nodes",
            "onDemand",
        ),
    ],
)
def test_a_broken_rule_names_path_fault_and_fix(
    substrate: str, pool: dict[str, Any], model: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [problem for problem in problems(substrate, pool, **model) if problem.rule == rule]
    assert [problem.path for problem in found] == [path]
    assert message in found[0].message
    assert fix in found[0].fix


def test_a_pool_that_serves_nothing_is_paid_for() -> None:
    (found,) = problems(more=({**P5, "name": "other"},), nodePool="other")
    assert (found.rule, found.path) == ("nodes.unused", "nodePools[0]")
    assert "no model runs on p5, and its 4 nodes are paid for" in found.message
    assert "nodes: 0" in found.fix


def test_a_pool_without_nodes_may_stand_unused() -> None:
    assert problems(pool={"nodes": 0}, more=({**P5, "name": "other"},), nodePool="other") == []
