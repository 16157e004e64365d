"""The dependency chart: its values, and that only what the pin names is ever used."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from components.aws.hyperpod.chart import (
    CHART_REFERENCE,
    DEPENDENCIES,
    ChartMismatchError,
    GitChart,
    is_materialised,
    materialise,
    tree_hash,
    values,
)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> GitChart:
    """A repository with a chart in it, and the pin of its only commit."""
    repository = tmp_path / "upstream"
    chart = repository / "helm" / "Chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: chart\n")
    (chart / "templates" / "a.yaml").write_bytes(b"kind: ConfigMap\r\n")
    (chart / "templates.txt").write_text("sorts before the folder of its name\n")
    script = chart / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (chart / "link").symlink_to("Chart.yaml")
    git(tmp_path, "init", "--quiet", str(repository))
    git(repository, "-c", "core.autocrlf=false", "add", ".")
    git(repository, "commit", "--quiet", "-m", "chart")
    commit = git(repository, "rev-parse", "HEAD")
    tree = git(repository, "rev-parse", "HEAD:helm/Chart")
    return GitChart(f"file://{repository}", commit, "helm/Chart", tree, "a test")


def with_helm_that_adds_a_subchart(command: Sequence[str]) -> None:
    if command[0] != "helm":
        subprocess.run(command, check=True)
        return
    assert tuple(command[1:3]) == ("dependency", "build")
    subcharts = Path(command[3]) / "charts"
    subcharts.mkdir(exist_ok=True)
    (subcharts / "sub-0.1.0.tgz").write_bytes(b"archive")


def test_a_folder_hashes_as_git_hashes_it(upstream: GitChart, tmp_path: Path) -> None:
    assert tree_hash(tmp_path / "upstream" / "helm" / "Chart") == upstream.tree


def test_the_chart_arrives_with_its_subcharts_and_is_known_afterwards(upstream: GitChart, tmp_path: Path) -> None:
    charts = tmp_path / ".charts"
    assert not is_materialised(charts, upstream)
    folder = materialise(charts, upstream, with_helm_that_adds_a_subchart)
    assert folder == charts / f"hyperpod-{upstream.commit[:12]}" / "Chart"
    assert (folder / "charts" / "sub-0.1.0.tgz").is_file()
    assert is_materialised(charts, upstream)


def test_a_chart_that_is_there_is_not_fetched_again(upstream: GitChart, tmp_path: Path) -> None:
    materialise(tmp_path, upstream, with_helm_that_adds_a_subchart)
    ran: list[Sequence[str]] = []
    materialise(tmp_path, upstream, ran.append)
    assert ran == []


def test_another_tree_than_the_pinned_one_is_refused_and_nothing_is_kept(upstream: GitChart, tmp_path: Path) -> None:
    pinned = GitChart(upstream.repository, upstream.commit, upstream.path, "0" * 40, "a test")
    with pytest.raises(ChartMismatchError, match=f"is tree {upstream.tree}, the pin says 0000"):
        materialise(tmp_path / ".charts", pinned, with_helm_that_adds_a_subchart)
    assert list((tmp_path / ".charts").iterdir()) == []


def test_a_chart_that_was_edited_is_not_the_pinned_one(upstream: GitChart, tmp_path: Path) -> None:
    folder = materialise(tmp_path, upstream, with_helm_that_adds_a_subchart)
    (folder / "Chart.yaml").write_text("name: other\n")
    assert not is_materialised(tmp_path, upstream)


def test_a_half_built_chart_does_not_count_and_is_built_anew(upstream: GitChart, tmp_path: Path) -> None:
    def fails(command: Sequence[str]) -> None:
        if command[0] == "helm":
            raise subprocess.CalledProcessError(1, list(command))
        subprocess.run(command, check=True)

    with pytest.raises(subprocess.CalledProcessError):
        materialise(tmp_path, upstream, fails)
    assert not is_materialised(tmp_path, upstream)
    materialise(tmp_path, upstream, with_helm_that_adds_a_subchart)
    assert is_materialised(tmp_path, upstream)


def test_the_release_names_the_folder_that_the_chart_is_brought_to() -> None:
    assert f"../.charts/{DEPENDENCIES.folder}/{DEPENDENCIES.name}" == CHART_REFERENCE
    assert DEPENDENCIES.commit.startswith(DEPENDENCIES.folder.removeprefix("hyperpod-"))


def test_only_what_serving_needs_is_on() -> None:
    on = {
        name
        for name, given in values("eu-west-1").items()
        if given.get("enabled") or given.get("devicePlugin", {}).get("enabled")
    }
    assert on == {"health-monitoring-agent", "deep-health-check", "hyperpod-patching"}


def test_the_health_agent_is_told_its_region() -> None:
    assert values("eu-west-1")["health-monitoring-agent"]["region"] == "eu-west-1"
