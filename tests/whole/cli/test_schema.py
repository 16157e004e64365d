"""`schema`: the committed schema is compared, written, or printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import Result

Run = Callable[..., Result]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: sglang-hyperpod\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_schema_that_is_not_there_is_not_current(sglang: Run, project: Path) -> None:
    result = sglang("schema", "--check")
    assert result.exit_code == 2
    assert "run `sglang-hyperpod schema --write`" in result.stderr


def test_what_was_written_is_current(sglang: Run, project: Path) -> None:
    assert sglang("schema", "--write").exit_code == 0
    assert sglang("schema", "--check").exit_code == 0


def test_an_edited_schema_is_not_current(sglang: Run, project: Path) -> None:
    sglang("schema", "--write")
    (project / "docs/settings.schema.json").write_text("{}\n")
    assert sglang("schema", "--check").exit_code == 2


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_shipped_stacks_fit_the_schema(sglang: Run, stack: str) -> None:
    schema = json.loads(sglang("schema").stdout)
    Draft202012Validator.check_schema(schema)
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    assert list(Draft202012Validator(schema).iter_errors(content)) == []
