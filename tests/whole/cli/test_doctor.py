"""`doctor`: exit statuses, and what it says without a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from infra.cli import doctor
from infra.doctor import kubectl
from tests.unit.doctor.clusters import answers

Run = Callable[..., Result]


def asking(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `kubectl` answer from a recording."""
    monkeypatch.setattr(kubectl, "run", answers(name).run)


def test_a_healthy_cluster_is_exit_status_0(sglang: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asking("healthy", monkeypatch)
    result = sglang("doctor", "--stack", "dev")
    assert result.exit_code == 0, result.output
    assert "4 nodes, 7 pods, Kubernetes v1.34.9: nothing found" in result.stdout
    assert "not looked at: platform.releases: secrets: (Forbidden)" in result.stdout


def test_what_does_not_work_is_exit_status_1_with_its_page(sglang: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asking("pending", monkeypatch)
    result = sglang("doctor", "--stack", "dev")
    assert result.exit_code == doctor.UNHEALTHY
    assert "error group 0 of qwen3-8b: does not fit" in result.stdout
    assert "docs/runbooks/pending-pods.md (groups.pending)" in result.stdout


def test_findings_as_json(sglang: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asking("pending", monkeypatch)
    content = json.loads(sglang("doctor", "--stack", "dev", "--json").stdout)
    assert content["healthy"] is False
    (one,) = [each for each in content["findings"] if each["check"] == "groups.pending"]
    assert set(one) == {"check", "severity", "about", "message", "fix", "page"}
    assert "platform.releases" in content["notLookedAt"]


def test_without_a_cluster_it_says_so(sglang: Run, tmp_path: Path) -> None:
    result = sglang("doctor", "--stack", "dev", "--kubeconfig", tmp_path / "absent")
    assert result.exit_code == 2
    assert "no cluster to look at: " in result.stderr
    assert "`doctor --checklist pre` and `preview` need no cluster" in result.stderr
    assert result.stdout == ""


def test_the_checklist_before_a_deployment_needs_no_cluster(sglang: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = sglang("doctor", "--stack", "prod", "--checklist", "pre")
    assert result.exit_code == 0
    assert "[x] LeaderWorkerSet" in result.stdout
    assert "[ ] IAM: rights of the deploying role" in result.stdout


def test_the_checklist_after_a_deployment_marks_what_fails(sglang: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asking("pending", monkeypatch)
    result = sglang("doctor", "--stack", "dev", "--checklist", "post")
    assert result.exit_code == 1
    assert "[!] Every pod runs" in result.stdout


def test_an_unknown_checklist_names_those_there_are(sglang: Run) -> None:
    result = sglang("doctor", "--checklist", "during")
    assert result.exit_code == 2
    assert "there are pre, post, perf" in result.stderr
