"""docs/engine-tuning.md leaves no group of settings out; tests/unit/settings/test_documented_yaml.py validates it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from components.serving.tuning import TuningSettings

PAGE = (Path(__file__).parents[3] / "docs" / "engine-tuning.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    model
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for model in yaml.safe_load(block)["sglang-hyperpod:models"]
]


def test_every_group_has_an_example() -> None:
    groups = {field.alias or name for name, field in TuningSettings.model_fields.items()}
    assert groups - {name for example in EXAMPLES for name in example} == set()
