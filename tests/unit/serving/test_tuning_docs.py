"""The examples of docs/engine-tuning.md are models that may be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.rules import Severity
from components.serving.rules import rules
from components.serving.settings import ModelSettings
from components.serving.tuning import TuningSettings
from tests.unit.serving.builders import problems

PAGE = (Path(__file__).parents[3] / "docs" / "engine-tuning.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    example for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) for example in yaml.safe_load(block)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_breaks_no_rule(example: dict[str, Any]) -> None:
    found = problems(rules, ModelSettings.model_validate(example))
    assert [str(problem) for problem in found if problem.severity is not Severity.ADVICE] == []


def test_every_group_has_an_example() -> None:
    groups = {field.alias or name for name, field in TuningSettings.model_fields.items()}
    assert groups - {name for example in EXAMPLES for name in example} == set()
