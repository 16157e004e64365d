"""Published systems: corrected, each previews and starts the engine as its real parser allows; as written, each is
refused with the reason.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.rules import Severity
from infra.cli.source import Source, previewed
from infra.report.model import Preview
from infra.settings import validate
from tests.contract.test_command_lines import parse
from tests.systems.written import FOLDER, SYSTEMS, WRITTEN, Written


@cache
def preview(file: Path) -> Preview:
    return previewed(Source.of(None, file))


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: file.stem)
def test_a_published_system_previews(file: Path) -> None:
    shown = preview(file)
    assert [str(problem) for problem in shown.problems if problem.severity is Severity.WARNING] == []
    assert shown.created


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: file.stem)
def test_its_engines_start_as_their_parser_allows(file: Path) -> None:
    for model in preview(file).plan.models:
        for group in model.groups:
            parsed = parse(model.engine_version, group.arguments)
            copies = 1 if parsed.enable_dp_attention else parsed.dp_size
            assert parsed.tp_size * parsed.pp_size * copies == group.ranks
            assert group.sizing.fits


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: file.stem)
def test_a_file_says_what_it_is(file: Path) -> None:
    assert file.read_text().startswith("# ")


@pytest.mark.parametrize("written", WRITTEN, ids=lambda each: f"{each.system}: {each.path} {each.says}")
def test_what_cannot_work_as_written_is_refused(written: Written) -> None:
    raw = yaml.safe_load((FOLDER / f"{written.system}.yaml").read_text())
    assert validate(raw).errors == ()
    errors = validate(_changed(raw, written.change)).errors
    found = [problem.message for problem in errors if problem.path.startswith(written.path)]
    assert any(written.says in message for message in found), [str(problem) for problem in errors]


def _changed(raw: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(raw)
    for path, value in change.items():
        *way, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
        target: Any = changed
        for step in way:
            target = target[step]
        target[last] = value
    return changed
