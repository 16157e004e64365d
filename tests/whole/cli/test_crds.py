"""`crds`: only files with the pinned hash are written, all or none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import Result

import infra.cli.crds
from components.facts import pins
from components.facts.crd_files import CrdFile, crd_files
from infra.cli.crds import MismatchError, apply_command, download
from infra.cli.web import Answer, UnreachableError

CONTENT = b"apiVersion: apiextensions.k8s.io/v1\n"
HASH = hashlib.sha256(CONTENT).hexdigest()


def served(*, status: int = 200, body: bytes = CONTENT) -> Callable[..., Answer]:
    def ask(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        return Answer(status, {}, body)

    return ask


def file(name: str, sha256: str = HASH) -> CrdFile:
    return CrdFile("lws", f"https://raw.githubusercontent.com/a/b/c/{name}", sha256)


def test_verified_files_are_written_by_chart(tmp_path: Path) -> None:
    download([file("one.yaml"), file("two.yaml")], tmp_path, served())
    assert (tmp_path / "lws" / "one.yaml").read_bytes() == CONTENT
    assert (tmp_path / "lws" / "two.yaml").exists()


def test_one_wrong_hash_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="the pin says 0000"):
        download([file("one.yaml"), file("two.yaml", "0000")], tmp_path, served())
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="status 404"):
        download([file("one.yaml")], tmp_path, served(status=404))


def test_the_command_ends_with_how_to_apply_them(
    sglang: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.facts.crd_files.crd_files", lambda: (file("one.yaml"),))
    monkeypatch.setattr(infra.cli.crds, "ask", served())
    result = sglang("crds", "--out", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.replace("\n", "") == apply_command(tmp_path / "lws")


def test_a_mismatch_ends_the_command(
    sglang: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infra.cli.crds, "ask", served(body=b"something else"))
    result = sglang("crds", "--out", tmp_path)
    assert result.exit_code == 2
    assert "the pin says" in result.stderr


def test_they_are_applied_server_side_by_helms_name() -> None:
    assert "--server-side" in apply_command(Path("crds/lws"))
    assert "--field-manager=helm" in apply_command(Path("crds/lws"))


def test_every_chart_that_helm_leaves_behind_has_files() -> None:
    charts = {chart.name for chart in pins.CHARTS if chart.installs_crds}
    assert {found.chart for found in crd_files()} == charts


def test_every_file_is_pinned_by_commit_and_hash() -> None:
    for found in crd_files():
        assert len(found.sha256) == 64
        assert any(len(part) == 40 for part in found.url.split("/")), found.url


def test_no_two_files_of_a_chart_share_a_name() -> None:
    names = [(found.chart, found.name) for found in crd_files()]
    assert len(set(names)) == len(names)
