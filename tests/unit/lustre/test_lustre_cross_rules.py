"""Rules between the file system and what reads it, each broken once."""

from __future__ import annotations

from typing import Any

import pytest

from components.rules import Problem
from infra.rules.lustre import cold_start_minutes, rules
from infra.settings.stack import StackSettings

FAST = {"zone": "use1-az6", "storageCapacityGiB": 4800, "throughputPerTiB": 1000}
SLOW = {"zone": "use1-az6", "storageCapacityGiB": 1200, "throughputPerTiB": 250}


def stack(
    *,
    substrate: str = "hyperpod",
    file_system: dict[str, Any] | None = None,
    hyperpod: dict[str, Any] | None = None,
    instance_type: str = "ml.p5.48xlarge",
    **model: Any,
) -> StackSettings:
    r1 = {
        "name": "deepseek-r1",
        "model": "deepseek-ai/DeepSeek-R1",
        "nodePool": "gpu",
        "nodesPerGroup": 2,
        "parallelism": {"tensor": 16},
        "weights": {"sizeGiB": 642},
        **model,
    }
    return StackSettings.model_validate(
        {
            "region": "us-east-1",
            "network": {"zones": ["use1-az4", "use1-az6"]},
            "cluster": {"name": "c", "substrate": substrate},
            "hyperpod": hyperpod or {},
            "nodePools": [{"name": "gpu", "instanceType": instance_type, "nodes": 2, "zone": "use1-az6"}],
            "fileSystem": file_system or FAST,
            "models": [r1],
        }
    )


def problems(**given: Any) -> list[Problem]:
    return [problem for rule in rules.rules for problem in rule.run("", stack(**given))]


def test_a_fast_file_system_beside_its_readers_breaks_no_rule() -> None:
    assert problems() == []
    assert problems(file_system={**FAST, "efa": True}) == []


@pytest.mark.parametrize(
    ("given", "rule", "path", "message", "fix"),
    [
        (
            {"file_system": {**FAST, "zone": "use1-az4"}},
            "lustre.zone",
            "fileSystem.zone",
            "the file system is in use1-az4, and pool gpu reads it from use1-az6",
            "use1-az6",
        ),
        (
            {"file_system": {**FAST, "efa": True}, "instance_type": "ml.g6e.4xlarge"},
            "lustre.efa-nodes",
            "fileSystem.efa",
            "no node pool has EFA",
            "efa: false",
        ),
        (
            {"file_system": {**FAST, "efa": True}, "substrate": "eks"},
            "lustre.efa-client",
            "fileSystem.efa",
            "mount over TCP",
            "efa: false",
        ),
        (
            {"file_system": {**FAST, "efa": True}, "hyperpod": {"lifecycle": {"efaLustreClient": False}}},
            "lustre.efa-client",
            "fileSystem.efa",
            "does not set up the Lustre client for EFA",
            "efaLustreClient: true",
        ),
        (
            {"file_system": SLOW, "probes": {"startupMinutes": 60}},
            "lustre.startup",
            "models[0].probes.startupMinutes",
            "about 78 minutes when all nodes start together, the probe gives up after 60",
            "at least 157",
        ),
        (
            {"file_system": SLOW},
            "lustre.load-time",
            "fileSystem.throughputPerTiB",
            "in about 78 minutes at 293 MB/s",
            "would take 30",
        ),
    ],
)
def test_a_broken_rule_names_path_fault_and_fix(
    given: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [problem for problem in problems(**given) if problem.rule == rule]
    assert [problem.path for problem in found] == [path]
    assert message in found[0].message
    assert fix in found[0].fix


def test_a_cold_start_reads_the_weights_once_for_every_node_of_every_replica() -> None:
    one, two = cold_start_minutes(stack()), cold_start_minutes(stack(replicas=2))
    assert one is not None
    assert two == pytest.approx(2 * one)


def test_the_weights_of_a_known_model_need_no_size() -> None:
    given, known = cold_start_minutes(stack()), cold_start_minutes(stack(weights={}))
    assert known == pytest.approx(given, rel=0.1)


def test_a_model_that_streams_from_s3_does_not_wait_for_the_file_system() -> None:
    streamed = stack(weights={"source": "s3", "uri": "s3://models/r1", "sizeGiB": 642}, file_system=SLOW)
    assert cold_start_minutes(streamed) is None
