"""Reading raw settings: every fault at once, at the path that the user wrote, and none that hides another."""

from __future__ import annotations

import copy
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from components.rules import Problem
from infra.settings import UnreadableFile, load_stack_file, validate

ROOT = Path(__file__).parents[3]


@pytest.fixture
def dev() -> dict[str, Any]:
    return copy.deepcopy(load_stack_file(ROOT / "Pulumi.dev.yaml"))


def errors(raw: dict[str, Any]) -> dict[str, Problem]:
    return {problem.path: problem for problem in validate(raw).errors}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_shipped_stacks_are_valid(stack: str) -> None:
    checked = validate(load_stack_file(ROOT / f"Pulumi.{stack}.yaml"))
    assert [str(problem) for problem in checked.errors] == []
    assert checked.settings is not None


def test_a_wrong_type_names_the_path_as_written_and_what_would_be_right(dev: dict[str, Any]) -> None:
    dev["models"][0]["parallelism"]["tensor"] = 0
    found = errors(dev)["models[0].parallelism.tensor"]
    assert "0 is too small" in found.message
    assert "use 1 or more" in found.fix


def test_an_unknown_setting_is_answered_with_the_one_that_was_meant(dev: dict[str, Any]) -> None:
    dev["models"][0]["parallelism"]["tensr"] = 4
    assert "did you mean `tensor`?" in errors(dev)["models[0].parallelism.tensr"].fix


def test_an_unknown_section_is_answered_with_the_one_that_was_meant(dev: dict[str, Any]) -> None:
    dev["nodePool"] = []
    assert "did you mean `nodePools`?" in errors(dev)["nodePool"].fix


def test_a_region_of_another_package_is_refused(dev: dict[str, Any]) -> None:
    dev["aws:region"] = "eu-west-1"
    assert "every provider is made from `sglang-hyperpod:region`" in errors(dev)["aws:region"].message


def test_a_missing_section_says_what_it_is_for(dev: dict[str, Any]) -> None:
    del dev["models"]
    assert "The models to serve" in errors(dev)["models"].fix


def test_faults_in_several_sections_and_in_one_element_all_show(dev: dict[str, Any]) -> None:
    dev["region"] = "virginia"
    dev["systemPool"]["nodes"] = "two"
    dev["models"][0]["replicas"] = -1
    dev["models"][0]["contextLength"] = "long"
    assert {"region", "systemPool.nodes", "models[0].replicas", "models[0].contextLength"} <= set(errors(dev))


def test_a_typing_error_in_one_model_does_not_hide_a_broken_rule_in_another(dev: dict[str, Any]) -> None:
    second = {**copy.deepcopy(dev["models"][0]), "name": "second", "nodePool": "nowhere"}
    dev["models"][0]["replicas"] = "many"
    dev["models"].append(second)
    found = errors(dev)
    assert "models[0].replicas" in found
    assert "models[1].nodePool" in found


def test_an_element_that_cannot_be_read_does_not_shift_the_others(dev: dict[str, Any]) -> None:
    second = {**copy.deepcopy(dev["models"][0]), "name": "second", "nodePool": "nowhere"}
    dev["models"].append(second)
    del dev["models"][0]["model"]
    found = errors(dev)
    assert "models[0].model" in found
    assert "models[1].nodePool" in found


def test_what_a_rule_says_of_a_default_that_replaced_a_bad_value_is_not_shown(dev: dict[str, Any]) -> None:
    dev["models"][0]["parallelism"]["tensor"] = "four"
    assert [path for path in errors(dev) if path.startswith("models[0].parallelism")] == [
        "models[0].parallelism.tensor"
    ]


def test_a_phase_that_cannot_be_read_does_not_make_its_model_one_without_a_place(dev: dict[str, Any]) -> None:
    phase = {"nodePool": "g6", "parallelism": {"tensor": 4}}
    split = {"transport": "mooncake-tcp", "prefill": {**phase, "nodePool": 3}, "decode": phase}
    dev["models"].append({"name": "apart", "model": "Qwen/Qwen3-8B", "contextLength": 0, "disaggregation": split})
    assert set(errors(dev)) == {"models[1].disaggregation.prefill.nodePool", "models[1].contextLength"}


def test_what_is_missing_beside_a_bad_value_still_shows(dev: dict[str, Any]) -> None:
    dev["models"].append({"name": "apart", "model": "Qwen/Qwen3-8B", "contextLength": 0})
    assert {"models[1].nodePool", "models[1].contextLength"} <= set(errors(dev))


def test_a_missing_region_is_the_only_fault_that_it_makes(dev: dict[str, Any]) -> None:
    del dev["region"]
    assert set(errors(dev)) == {"region"}


@pytest.mark.parametrize(
    ("section", "value", "message", "fix"),
    [
        ("cluster", None, "is empty", "a mapping"),
        ("models", "all", "'all' does not fit", "a list"),
        ("protect", "maybe", "'maybe' does not fit", "true or false"),
        ("region", date(2026, 1, 2), "the date 2026-01-02 is not text", "in quotes"),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_yaml(
    dev: dict[str, Any], section: str, value: Any, message: str, fix: str
) -> None:
    dev[section] = value
    found = errors(dev)[section]
    assert message in found.message
    assert fix in found.fix


def test_a_zone_name_is_answered_with_how_to_find_its_id(dev: dict[str, Any]) -> None:
    dev["network"]["zones"][0] = "us-east-1a"
    assert "aws ec2 describe-availability-zones" in errors(dev)["network.zones[0]"].fix


def test_a_key_that_is_written_twice_is_refused_as_pulumi_refuses_it(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config:\n  sglang-hyperpod:region: us-east-1\n  sglang-hyperpod:region: us-west-2\n")
    with pytest.raises(UnreadableFile, match="`sglang-hyperpod:region` is written twice"):
        load_stack_file(file)


@pytest.mark.parametrize(("content", "why"), [(b"\xff\xfe", "UTF-8"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_a_message(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(UnreadableFile, match=why):
        load_stack_file(file)


def test_a_secret_stays_a_name(dev: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config:\n  sglang-hyperpod:huggingFaceToken:\n    secure: v1:abc:def\n")
    assert load_stack_file(file) == {"secrets": ["huggingFaceToken"]}


def test_strict_turns_warnings_into_errors(dev: dict[str, Any]) -> None:
    dev["systemPool"]["nodes"] = 1
    lenient, strict = validate(dev), validate(dev, strict=True)
    assert {problem.path for problem in lenient.warnings} >= {"systemPool.nodes"}
    assert {problem.path for problem in strict.errors} >= {"systemPool.nodes"}


def test_a_substrate_that_does_not_exist_is_the_only_fault_that_it_makes(dev: dict[str, Any]) -> None:
    dev["cluster"]["substrate"] = "ecs"
    assert list(errors(dev)) == ["cluster.substrate"]


def test_a_pool_that_cannot_be_read_is_not_missed_by_its_models(dev: dict[str, Any]) -> None:
    dev["nodePools"][0]["nodes"] = 1_000_000_000
    assert list(errors(dev)) == ["nodePools[0].nodes"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("config:\n", "`config:` is empty; it needs keys such as `sglang-hyperpod:region: us-east-1`"),
        ("config: {}\n", "`config:` is empty"),
        ("config: [region]\n", "`config:` is no mapping"),
        (
            "config:\n  region: us-east-1\n  sglang-hyperpod:protect: true\n  models: []\n",
            "under `config:` every key has a prefix; write `sglang-hyperpod:region`, not `region`, `models`",
        ),
    ],
)
def test_a_config_without_settings_says_what_it_lacks(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "Pulumi.new.yaml"
    file.write_text(content)
    with pytest.raises(UnreadableFile, match=re.escape(message)):
        load_stack_file(file)
