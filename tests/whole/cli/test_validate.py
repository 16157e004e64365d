"""`validate`: exit status 0, or 2 with every problem at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

Run = Callable[..., Result]
DevFile = Callable[..., Path]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_shipped_stacks_are_valid(sglang: Run, stack: str) -> None:
    result = sglang("validate", "--stack", stack)
    assert result.exit_code == 0
    assert f"Pulumi.{stack}.yaml: " in result.stdout


def test_dev_is_the_default(sglang: Run) -> None:
    assert "Pulumi.dev.yaml" in sglang("validate").stdout


def test_every_problem_is_shown_at_once(sglang: Run, dev_file: DevFile) -> None:
    result = sglang("validate", "--config", dev_file(region="nowhere", protect="maybe", tags=None, nonsense=1))
    assert result.exit_code == 2
    for path in ("region", "protect", "nonsense"):
        assert f"error {path}: " in result.stdout
    assert "3 errors" in result.stdout


def test_problems_as_json_name_path_fault_and_mending(sglang: Run, dev_file: DevFile) -> None:
    result = sglang("validate", "--config", dev_file(region="nowhere"), "--json")
    assert result.exit_code == 2
    content = json.loads(result.stdout)
    assert content["valid"] is False
    (error,) = [problem for problem in content["problems"] if problem["severity"] == "error"]
    assert error["path"] == "region"
    assert error.keys() == {"severity", "path", "message", "fix", "rule"}


def test_a_bare_mapping_is_read_like_a_stack_file(sglang: Run, dev_file: DevFile, tmp_path: Path) -> None:
    config = yaml.safe_load(dev_file().read_text())["config"]
    prefix = "sglang-hyperpod:"
    bare = tmp_path / "settings.yaml"
    bare.write_text(yaml.safe_dump({k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}))
    assert sglang("validate", "--config", bare).exit_code == 0


def test_strict_makes_errors_of_warnings(sglang: Run, dev_file: DevFile) -> None:
    config = dev_file(platform={"efa": {"chartVersion": "v0.5.99"}})
    usual = json.loads(sglang("validate", "--config", config, "--json").stdout)["problems"]
    warnings = {problem["rule"] for problem in usual if problem["severity"] == "warning"}
    strict = json.loads(sglang("validate", "--config", config, "--json", "--strict").stdout)["problems"]
    assert warnings
    assert warnings <= {problem["rule"] for problem in strict if problem["severity"] == "error"}


def test_a_missing_stack_is_named(sglang: Run) -> None:
    result = sglang("validate", "--stack", "nowhere")
    assert result.exit_code == 2
    assert "Pulumi.nowhere.yaml does not exist" in result.stderr


def test_a_file_that_is_no_yaml_is_named(sglang: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("region: [")
    result = sglang("validate", "--config", broken)
    assert result.exit_code == 2
    assert "broken.yaml is not YAML" in result.stderr


def test_stack_and_config_exclude_each_other(sglang: Run, dev_file: DevFile) -> None:
    result = sglang("validate", "--stack", "dev", "--config", dev_file())
    assert result.exit_code == 2
    assert "--stack or --config, not both" in result.stderr


def test_every_rule_is_listed_with_its_source(sglang: Run) -> None:
    rules = json.loads(sglang("validate", "--rules", "--json").stdout)
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(rule["summary"] and rule["source"] for rule in rules)
    listed = sglang("validate", "--rules").stdout
    assert all(rule["id"] in listed for rule in rules)
