"""What every tier shares: less garbage collection, the command in this process, and settings to run it on."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from infra.cli.main import app

# The SDKs are half a million objects that live as long as the process; walking them over and over is a tenth of a run.
gc.set_threshold(100_000, 50, 100)

ROOT = Path(__file__).parents[1]


@pytest.fixture
def sglang() -> Callable[..., Result]:
    """`sglang("validate", "--stack", "dev")`."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def dev_file(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the dev stack's file with sections replaced, `dev_file(region="nowhere")`, or left out (None)."""

    def write(**sections: Any) -> Path:
        content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
        for name, value in sections.items():
            content["config"][f"sglang-hyperpod:{name}"] = value
            if value is None:
                del content["config"][f"sglang-hyperpod:{name}"]
        path = tmp_path / "Pulumi.copy.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write
