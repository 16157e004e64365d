"""`chart`: what it says when the chart is there, wrong, or cannot be fetched."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from components.aws.hyperpod import chart as hyperpod_chart

Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: sglang-hyperpod\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def instead(monkeypatch: pytest.MonkeyPatch, outcome: Path | Exception) -> list[Path]:
    asked: list[Path] = []

    def materialise(charts: Path) -> Path:
        asked.append(charts)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(hyperpod_chart, "materialise", materialise)
    return asked


def test_it_puts_the_chart_beside_the_program(sglang: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = instead(monkeypatch, project / ".charts" / "hyperpod")
    result = sglang("chart")
    assert result.exit_code == 0
    assert asked == [project / ".charts"]
    assert hyperpod_chart.DEPENDENCIES.tree in result.stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (hyperpod_chart.ChartMismatchError("is tree 1234, the pin says 5678"), "the pin says 5678"),
        (FileNotFoundError(2, "No such file", "helm"), "helm is not installed"),
        (subprocess.CalledProcessError(128, ["git", "fetch"]), "`git fetch` failed with status 128"),
    ],
)
def test_a_failure_is_said_and_ends_the_command(
    sglang: Run, project: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    instead(monkeypatch, error)
    result = sglang("chart")
    assert result.exit_code == 2
    assert said in result.stderr
