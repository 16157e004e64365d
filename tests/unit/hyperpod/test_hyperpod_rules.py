"""Every rule of HyperPod broken once: where it says so, and what."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.hyperpod.rules import rules
from components.aws.hyperpod.settings import HyperPodSettings
from components.rules import Problem, Severity
from infra.rules.hyperpod import rules as across
from infra.settings.stack import StackSettings

MODEL = {"name": "qwen3-8b", "model": "Qwen/Qwen3-8B", "nodePool": "g6e", "parallelism": {"tensor": 4}}


def problems(**given: Any) -> list[Problem]:
    settings = HyperPodSettings.model_validate(given)
    return [problem for rule in rules.rules for problem in rule.run("hyperpod", settings)]


def stack_problems(
    *,
    region: str = "us-east-1",
    substrate: str = "hyperpod",
    hyperpod: dict[str, Any] | None = None,
    **pool: Any,
) -> list[Problem]:
    stack = StackSettings.model_validate(
        {
            "region": region,
            "network": {"zones": ["use1-az4", "use1-az6"]},
            "cluster": {"name": "sglang", "substrate": substrate},
            "hyperpod": hyperpod or {},
            "nodePools": [{"name": "g6e", "instanceType": "ml.g6e.12xlarge", "nodes": 2, "zone": "use1-az6", **pool}],
            "models": [MODEL],
        }
    )
    return [problem for rule in across.rules for problem in rule.run("", stack)]


def test_the_defaults_break_no_rule() -> None:
    assert problems() == []
    assert stack_problems() == []


@pytest.mark.parametrize(
    ("given", "rule", "path", "message", "fix"),
    [
        (
            {"lifecycle": {"bucketName": "my-scripts"}},
            "hyperpod.bucket",
            "lifecycle.bucketName",
            "my-scripts does not begin with sagemaker-",
            "sagemaker-my-scripts",
        ),
        (
            {"lifecycle": {"bucketName": "sagemaker-x", "mode": "Bootstrap"}},
            "hyperpod.bucket-unused",
            "lifecycle.bucketName",
            "no bucket to name",
            "leave it out",
        ),
        (
            {"lifecycle": {"mode": "Bootstrap"}},
            "hyperpod.bootstrap",
            "lifecycle.mode",
            "100 GB root disk",
            "OnCreate",
        ),
        ({"autoPatch": True}, "hyperpod.auto-patch", "autoPatch", "are never idle", "imageReleaseVersion"),
        (
            {"restrictedInstanceGroups": True},
            "hyperpod.restricted-groups",
            "restrictedInstanceGroups",
            "no inference",
            "leave restrictedInstanceGroups out",
        ),
        ({"nodeRecovery": "None"}, "hyperpod.recovery", "nodeRecovery", "only labels a faulty node", "Automatic"),
        (
            {"provisioningMode": "Legacy"},
            "hyperpod.provisioning",
            "provisioningMode",
            "all nodes of a change or none",
            "Continuous",
        ),
    ],
)
def test_a_broken_rule_names_path_fault_and_fix(
    given: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [problem for problem in problems(**given) if problem.rule == rule]
    assert [problem.path for problem in found] == [f"hyperpod.{path}"]
    assert message in found[0].message
    assert fix in found[0].fix


@pytest.mark.parametrize(
    ("given", "rule", "path", "message", "fix"),
    [
        (
            {"region": "eu-west-3"},
            "hyperpod.agent-region",
            "region",
            "no image in eu-west-3",
            "eu-west-1",
        ),
        (
            {"hyperpod": {"provisioningMode": "Legacy"}, "capacity": {"kind": "spot"}},
            "hyperpod.spot",
            "nodePools[0].capacity.kind",
            "spot needs continuous provisioning, and hyperpod.provisioningMode is Legacy",
            "Continuous",
        ),
    ],
)
def test_a_broken_rule_across_sections_names_path_fault_and_fix(
    given: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [problem for problem in stack_problems(**given) if problem.rule == rule]
    assert [problem.path for problem in found] == [path]
    assert message in found[0].message
    assert fix in found[0].fix


def test_a_stack_without_hyperpod_is_not_held_to_its_rules() -> None:
    given = {"hyperpod": {"provisioningMode": "Legacy"}, "capacity": {"kind": "spot"}}
    assert stack_problems(substrate="eks", region="eu-west-3", **given) == []


def test_what_works_but_risks_is_a_warning() -> None:
    warnings = {rule.id for rule in rules.rules if rule.severity is Severity.WARNING}
    assert warnings == {"hyperpod.bootstrap", "hyperpod.recovery", "hyperpod.provisioning"}
