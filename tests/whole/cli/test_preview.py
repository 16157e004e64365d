"""`preview`, `render` and `graph`: what they write, where, and what they do about bad settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from infra.cli.source import Source, previewed
from infra.offline import Recorded, Recording, record
from infra.program import main
from tests.shipped import STACKS

Run = Callable[..., Result]
DevFile = Callable[..., Path]


def test_json_to_standard_output_is_json_alone(sglang: Run) -> None:
    result = sglang("preview", "--stack", "dev", "--json", "-")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["stack"] == "dev"


def test_files_are_written_beside_the_text(sglang: Run, tmp_path: Path) -> None:
    written, comment = tmp_path / "out" / "plan.json", tmp_path / "comment.md"
    result = sglang("preview", "--stack", "dev", "--json", written, "--markdown", comment)
    assert result.exit_code == 0
    assert "Critical path" in result.stdout
    assert json.loads(written.read_text())["resources"]
    assert comment.read_text().startswith("## Preview of `dev`")


def test_markdown_to_standard_output_is_markdown_alone(sglang: Run) -> None:
    assert sglang("preview", "--stack", "dev", "--markdown", "-").stdout.startswith("## Preview of `dev`")


def test_bad_settings_end_before_anything_is_registered_or_written(
    sglang: Run, dev_file: DevFile, tmp_path: Path
) -> None:
    written = tmp_path / "plan.json"
    result = sglang("preview", "--config", dev_file(region="nowhere"), "--json", written)
    assert result.exit_code == 2
    assert "error region: " in result.stderr
    assert result.stdout == ""
    assert not written.exists()


def test_a_secret_of_the_stack_file_is_in_no_output(sglang: Run, dev_file: DevFile, tmp_path: Path) -> None:
    config = dev_file(huggingFaceToken={"secure": "v1:ciphertext"})
    models = yaml.safe_load(config.read_text())["config"]["sglang-hyperpod:models"]
    models[0]["weights"] = {"tokenSecret": "huggingFaceToken"}
    config = dev_file(models=models, huggingFaceToken={"secure": "v1:ciphertext"})
    result = sglang("preview", "--config", config, "--json", "-")
    assert result.exit_code == 0, result.stderr
    assert "ciphertext" not in result.stdout
    secrets = [r for r in json.loads(result.stdout)["resources"] if r["type"] == "kubernetes:core/v1:Secret"]
    assert secrets
    assert all('"$secret": true' in json.dumps(secret["inputs"]) for secret in secrets)


def test_the_stack_is_named_after_its_file(sglang: Run, dev_file: DevFile) -> None:
    assert json.loads(sglang("preview", "--config", dev_file(), "--json", "-").stdout)["stack"] == "copy"


def test_a_file_that_is_no_stacks_own_is_called_by_its_name(sglang: Run, dev_file: DevFile, tmp_path: Path) -> None:
    config, comment = dev_file().rename(tmp_path / "mine.yaml"), tmp_path / "comment.md"
    result = sglang("preview", "--config", config, "--markdown", comment)
    assert result.stdout.startswith("mine.yaml: sglang-dev in us-east-1")
    assert result.stdout.splitlines()[-1].startswith("mine.yaml: ")
    assert "Pulumi.preview.yaml" not in result.stdout
    assert comment.read_text().startswith("## Preview of `mine.yaml`\n\nmine.yaml: ")


def test_render_counts_what_an_earlier_run_left(sglang: Run, tmp_path: Path) -> None:
    assert "not of this run" not in sglang("render", "--stack", "dev", "--out", tmp_path).stdout
    assert "not of this run" not in sglang("render", "--stack", "dev", "--out", tmp_path).stdout
    for place in ("gone/service-a.yaml", "models/b.yaml", "c.yaml", "d.yaml", ".git/config"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("")
    result = sglang("render", "--stack", "dev", "--out", tmp_path)
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if "not of this run" in line]
    assert line.endswith("not of this run: 4 files (c.yaml, d.yaml, gone/service-a.yaml, and 1 more)")


def test_render_says_how_many_files_it_wrote(sglang: Run, tmp_path: Path) -> None:
    result = sglang("render", "--stack", "dev", "--out", tmp_path / "rendered")
    files = [path for path in (tmp_path / "rendered").rglob("*") if path.is_file()]
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{len(files)} files in ")


def test_graph_draws_what_the_ending_says(sglang: Run, tmp_path: Path) -> None:
    result = sglang("graph", "--stack", "dev", "--out", tmp_path / "docs" / "dev.svg")
    assert result.exit_code == 0
    assert (tmp_path / "docs" / "dev.svg").read_text().startswith("<svg ")


def test_graph_refuses_an_ending_that_it_cannot_draw(sglang: Run, tmp_path: Path) -> None:
    result = sglang("graph", "--stack", "dev", "--out", tmp_path / "dev.gif")
    assert result.exit_code == 2
    assert ".svg, .png, .mmd" in result.stderr


def test_json_and_markdown_cannot_share_standard_output(sglang: Run) -> None:
    result = sglang("preview", "--stack", "dev", "--json", "-", "--markdown", "-")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "give one of them a file" in result.stderr


@pytest.mark.parametrize(
    "command", [("preview", "--json"), ("preview", "--markdown"), ("render", "--out"), ("graph", "--out")]
)
def test_a_place_that_cannot_be_written_is_a_message(sglang: Run, tmp_path: Path, command: tuple[str, str]) -> None:
    (tmp_path / "file").write_text("")
    result = sglang(*command, tmp_path / "file" / "new.svg")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_shows_what_the_program_registers(stack: str) -> None:
    source = Source.of(stack, None)
    config, secrets = source.engine_config()
    registered = record(main, stack=stack, config=config, secret_keys=secrets)
    assert by_urn(previewed(source).recording) == by_urn(registered)


def by_urn(recording: Recording) -> dict[str, Recorded]:
    return {resource.urn: resource for resource in recording.resources}
