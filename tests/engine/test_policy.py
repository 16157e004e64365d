"""The policy pack on the engine: silent about the shipped stacks, and in the way of what breaks a check."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pulumi_aws as aws
import pytest
import yaml

from infra.program import main
from tests.engine.stack import EngineStack, Result

PACK = Path(__file__).parents[2] / "infra" / "policy" / "pack"


@pytest.fixture
def guarded(shipped: Callable[[str], EngineStack]) -> Callable[[str], EngineStack]:
    """A shipped stack whose engine can start the pack: the language host's part, a script that runs its program."""

    def make(name: str) -> EngineStack:
        stack = shipped(name)
        analyzer = stack.folder / "plugins" / "pulumi-analyzer-policy-python"
        analyzer.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u __main__.py "$@"\n')
        analyzer.chmod(0o755)
        project = yaml.safe_load((stack.folder / "Pulumi.yaml").read_text())
        project["plugins"]["analyzers"] = [{"name": "policy-python", "path": str(analyzer.parent)}]
        (stack.folder / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
        return stack

    return make


def violations(result: Result) -> dict[str, set[str]]:
    """Names of the policies that objected, by enforcement level."""
    found: dict[str, set[str]] = {}
    for event in result.events:
        if "policyEvent" in event:
            seen = event["policyEvent"]
            found.setdefault(seen["enforcementLevel"], set()).add(seen["policyName"])
    return found


@pytest.mark.parametrize(("name", "expected"), [("dev", {}), ("prod", {"advisory": {"images-digest"}})])
def test_the_shipped_stacks_pass(
    guarded: Callable[[str], EngineStack], name: str, expected: dict[str, set[str]]
) -> None:
    preview = guarded(name).preview("--policy-pack", str(PACK))
    assert preview.ok, preview.errors()
    assert violations(preview) == expected


def test_an_updated_stack_passes_with_its_values_known(guarded: Callable[[str], EngineStack]) -> None:
    update = guarded("prod").up("--policy-pack", str(PACK))
    assert update.ok, update.errors()
    assert violations(update) == {"advisory": {"images-digest"}}


def test_a_mandatory_violation_stops_the_update_before_the_resource_is_made(
    guarded: Callable[[str], EngineStack],
) -> None:
    stack = guarded("dev")

    def careless() -> None:
        main()
        aws.ec2.SecurityGroup(
            "open", ingress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}]
        )

    stack.program = careless
    update = stack.up("--policy-pack", str(PACK))
    assert not update.ok
    assert violations(update)["mandatory"] == {"exposure-ingress", "tags-stack"}
    assert "open" not in [event.name for event in stack.world.journal("create")]
