"""`diff` between two commits of a real git repository: each revision previews itself by its own code."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from infra.cli.diff import diff
from infra.diff.base import BaseFailed, preview_of
from infra.diff.compare import Kind, compare

ROOT = Path(__file__).parents[2]
KEDA = ('"2.20.2"', '"2.20.1"')
"""The chart's version that this code pins, and the one that the older commit of the test pins."""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def edit(file: Path, *replacements: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in replacements:
        assert old in text, f"{file.name} no longer has {old}"
        text = text.replace(old, new)
    file.write_text(text)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This code in a repository of two commits: `older` differs in code and settings, `broken` has no valid stack."""
    folder = tmp_path_factory.mktemp("diff") / "repository"
    folder.mkdir()
    for name in ("infra", "components"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(file, folder)
    git(folder, "init", "--quiet")
    now = {path: (folder / path).read_text() for path in ("components/facts/pins.py", "Pulumi.dev.yaml")}
    edit(folder / "components/facts/pins.py", KEDA)
    edit(folder / "Pulumi.dev.yaml", ("zone: use1-az4\n    storage", "zone: use1-az6\n    storage"))
    edit(folder / "Pulumi.dev.yaml", ("contextLength: 32768", "contextLength: 16384"))
    commit(folder, "older")
    edit(folder / "Pulumi.dev.yaml", ("tensor: 4", "tensor: 5"))
    commit(folder, "broken")
    for path, text in now.items():
        (folder / path).write_text(text)
    commit(folder, "newer")
    return folder


def commit(folder: Path, tag: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", tag)
    git(folder, "tag", tag)


@pytest.fixture(scope="module")
def run(repository: Path) -> Callable[..., Any]:
    app = typer.Typer()
    app.command()(diff)

    def run(*arguments: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(repository)
            return CliRunner().invoke(app, ["--stack", "dev", *arguments])

    return run


@pytest.fixture(scope="module")
def older(repository: Path) -> Mapping[str, Any]:
    return preview_of(repository, "older", "dev")


def test_a_revision_previews_itself_with_its_own_code_and_settings(older: Mapping[str, Any]) -> None:
    keda = next(one for one in older["resources"] if one["name"] == "keda-release")
    assert keda["inputs"]["version"] == KEDA[1].strip('"')
    assert older["plan"]["file_system"]["zone"] == "use1-az6"


def test_the_two_revisions_differ_where_code_and_settings_do(repository: Path, older: Mapping[str, Any]) -> None:
    found = compare(older, preview_of(repository, "newer", "dev"))
    (weights,) = [change for change in found.of(Kind.REPLACED) if change.type.startswith("aws:")]
    assert (weights.name, weights.because) == ("weights-file-system", ("subnetIds",))
    changed = {change.name: [str(path) for path in change.paths] for change in found.of(Kind.CHANGED)}
    assert "version: 2.20.1 -> 2.20.2" in changed["keda-release"]
    assert any("16384" in path and "32768" in path for path in changed["qwen3-8b-serve"])
    assert found.of(Kind.ADDED) == found.of(Kind.REMOVED) == []


def test_the_command_writes_markdown_and_json_and_leaves_the_repository_as_it_was(
    repository: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    comment, data = tmp_path / "comment.md", tmp_path / "diff.json"
    done = run("--base", "older", "--markdown", str(comment), "--json", str(data))
    assert done.exit_code == 0, done.output
    assert "replaced" in done.stdout
    text = comment.read_text()
    assert text.startswith("## Changes of `dev` against `older`")
    assert "**LustreFileSystem weights-file-system: by subnetIds" in text
    assert "```mermaid" in text
    assert len(text) < 30_000
    assert json.loads(data.read_text())["comparison"]["stack"] == "dev"
    assert git(repository, "worktree", "list").count("\n") == 0
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("revision", "reason", "status"),
    [
        ("broken", "the preview of broken failed", 0),
        ("nowhere", "nowhere is no revision of this repository", 2),
    ],
)
def test_a_base_without_a_preview_is_said_and_the_head_shown_alone(
    run: Callable[..., Any], tmp_path: Path, revision: str, reason: str, status: int
) -> None:
    comment, data = tmp_path / "comment.md", tmp_path / "diff.json"
    done = run("--base", revision, "--markdown", str(comment), "--json", str(data))
    assert done.exit_code == status, done.output
    assert "The head alone" in done.stdout
    assert "dev: sglang-dev in us-east-1" in done.stdout
    assert f"**The base cannot be compared**: {reason}" in comment.read_text()
    assert "## Preview of `dev`" in comment.read_text()
    written = json.loads(data.read_text())
    assert reason in written["failed"]
    assert written["head"]["stack"] == "dev"


def test_a_throughput_that_cannot_change_ends_the_command_with_the_way(
    repository: Path, run: Callable[..., Any]
) -> None:
    file = repository / "Pulumi.dev.yaml"
    kept = file.read_text()
    with_efa = ("storageCapacityGiB: 1200", "storageCapacityGiB: 38400\n    efa: true")
    try:
        edit(file, with_efa, ("throughputPerTiB: 250", "throughputPerTiB: 500"))
        commit(repository, "efa")
        edit(file, ("throughputPerTiB: 500", "throughputPerTiB: 1000"))
        done = run("--base", "efa")
    finally:
        file.write_text(kept)
    assert done.exit_code == 2, done.output
    assert "FSx changes no throughput of a file system with EFA; make a new file system beside it" in done.stdout


def test_a_folder_that_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(BaseFailed, match="is no revision of this repository"):
        preview_of(tmp_path, "main", "dev")
