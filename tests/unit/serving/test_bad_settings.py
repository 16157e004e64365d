"""Bad settings of a model, one table per theme under `bad_settings/`: what is set, and the path and message it gets.

A case says `model` (a good one of the builders), `set` (what is changed in it, as in a stack file), and what rule
sees: `path`, `says` (the whole message) and, where the way out matters, a part of the `fix`. A rule over the whole
stack sees the model on a pool of `instance` nodes, with a file system unless it says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.serving.rules import rules as model_rules
from infra.rules import RULE_SETS
from tests.unit.serving.builders import BASES, model, pool, stack

TABLES = sorted((Path(__file__).parent / "bad_settings").glob("*.yaml"))
TABLED: dict[str, dict[str, Any]] = {
    f"{table.stem}-{place}-{case['rule']}": case
    for table in TABLES
    for place, case in enumerate(yaml.safe_load(table.read_text()))
}
CASES = TABLED.values()
OVER_MODELS = {rule.id: rule for rule in model_rules.rules}
OVER_STACKS = {rule.id: rule for rules in RULE_SETS if rules is not model_rules for rule in rules.rules}
GOOD: list[dict[str, Any]] = list(
    {
        (case["rule"], case["model"], case.get("instance"), case.get("without-file-system")): case for case in CASES
    }.values()
)
"""One case of each rule, model and place."""


def seen(case: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Path, message and fix of what the case's rule sees."""
    settings = model(BASES[case["model"]], **case["set"])
    if case["rule"] in OVER_MODELS:
        found = OVER_MODELS[case["rule"]].run("", settings)
    else:
        sections = {"file_system": None} if case.get("without-file-system") else {}
        whole = stack(settings, pools=[pool(case.get("instance", "p5.48xlarge"))], **sections)
        found = OVER_STACKS[case["rule"]].run("", whole)
    return [(each.path, each.message, each.fix) for each in found]


@pytest.mark.parametrize("case", CASES, ids=TABLED)
def test_a_bad_setting_is_named_with_path_and_message(case: dict[str, Any]) -> None:
    found = seen(case)
    assert (case["path"], case["says"]) in [(path, message) for path, message, _ in found]
    assert case.get("fix", "") in next(fix for path, message, fix in found if message == case["says"])


@pytest.mark.parametrize("case", GOOD, ids=[f"{case['rule']}-{case['model']}" for case in GOOD])
def test_without_it_the_model_has_no_such_problem(case: dict[str, Any]) -> None:
    assert seen({**case, "set": {}}) == []
