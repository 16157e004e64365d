"""Running the command in this process, and settings to run it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from infra.cli.main import app

ROOT = Path(__file__).parents[3]


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
