"""The workflows hold to GitHub's own schema (actionlint), to pinned actions and to the least rights."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tools
from tests.shipped import recording

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WRITES = {
    ("preview.yml", "comment"): {"pull-requests"},
    ("up.yml", "preview"): {"pull-requests", "id-token"},
    ("up.yml", "up"): {"id-token"},
    ("drift.yml", "drift"): {"id-token"},
}
"""What each job may write; every other may only read the code."""


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in FILES:
        for name, job in workflow(file.name)["jobs"].items():
            yield file.name, name, job


JOBS = [pytest.param(file, name, job, id=f"{file}-{name}") for file, name, job in jobs()]


def steps(action: str) -> list[dict[str, Any]]:
    """Every step that uses an action."""
    return [step for _, _, job in jobs() for step in job["steps"] if step.get("uses", "").startswith(f"{action}@")]


def test_actionlint_has_nothing_to_say() -> None:
    program = tools.find("actionlint")
    if program is None:
        pytest.skip("there is no actionlint (`make tools` builds it)")
    command = [str(program), "-no-color", "-shellcheck=", "-pyflakes=", *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_action_is_pinned_to_a_commit_and_names_its_version(file: Path) -> None:
    used = [line.strip() for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_an_action_has_one_version_everywhere() -> None:
    pins = {use.partition("@")[::2] for file in FILES for use in re.findall(r"uses: (\S+@\S+)", file.read_text())}
    assert len({action for action, _ in pins}) == len(pins)


@pytest.mark.parametrize(("file", "name", "job"), JOBS)
def test_a_job_has_the_least_rights_and_an_end(file: str, name: str, job: dict[str, Any]) -> None:
    assert workflow(file)["permissions"] == {}
    assert {right for right, level in job["permissions"].items() if level == "write"} == WRITES.get((file, name), set())
    assert job["permissions"].get("contents", "read") == "read"
    assert job["timeout-minutes"] > 0
    assert "concurrency" in job or "concurrency" in workflow(file)


def test_no_credential_stays_in_the_checked_out_code() -> None:
    assert {step["with"]["persist-credentials"] for step in steps("actions/checkout")} == {False}


def test_the_job_that_comments_runs_none_of_the_pull_requests_code() -> None:
    used = [step.get("uses", "run").partition("@")[0] for step in workflow("preview.yml")["jobs"]["comment"]["steps"]]
    assert used == ["actions/download-artifact", "actions/github-script"]


def test_the_offline_preview_needs_no_credential() -> None:
    text = (ROOT / ".github" / "workflows" / "preview.yml").read_text()
    assert "secrets." not in text
    assert "aws" not in text.lower()
    assert workflow("preview.yml")["jobs"]["preview"]["strategy"]["matrix"]["stack"] == ["dev", "prod"]


def test_the_engine_is_as_old_as_the_sdk() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (sdk,) = [pin.removeprefix("pulumi==") for pin in dependencies if pin.startswith("pulumi==")]
    assert {step["with"]["pulumi-version"] for step in steps("pulumi/actions")} == {sdk}


def test_every_run_of_the_engine_has_the_policy_pack_or_changes_nothing() -> None:
    runs = [step["with"] for step in steps("pulumi/actions") if "command" in step["with"]]
    assert [run["command"] for run in runs] == ["preview", "preview", "up"]
    for run in runs:
        assert run.get("policyPacks") == "infra/policy/pack" or run.get("expect-no-changes")
    assert (ROOT / "infra/policy/pack/PulumiPolicy.yaml").is_file()


def test_the_session_and_the_job_last_as_long_as_the_longest_wait() -> None:
    longest = max(
        seconds(timeout) for resource in recording("prod").resources for timeout in resource.custom_timeouts.values()
    )
    up = workflow("up.yml")["jobs"]["up"]
    (session,) = [step["with"]["role-duration-seconds"] for step in up["steps"] if "role-duration" in str(step)]
    assert session >= longest
    assert up["timeout-minutes"] * 60 > longest


def seconds(timeout: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", timeout))


def test_the_production_update_waits_for_its_environment_and_for_the_one_before_it() -> None:
    up = workflow("up.yml")["jobs"]["up"]
    assert up["environment"] == "production"
    assert up["concurrency"] == {"group": "pulumi-prod", "cancel-in-progress": False}


def test_the_documentation_names_every_variable() -> None:
    text = "".join(file.read_text() for file in FILES)
    documented = (ROOT / "docs" / "continuous-delivery.md").read_text()
    used = set(re.findall(r"vars\.(\w+)", text))
    assert {name for name in used if f"`{name}`" not in documented} == set()
    assert used >= {"PULUMI_BACKEND_URL", "AWS_DEPLOY_ROLE_ARN"}
