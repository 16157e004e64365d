"""Every piece of a stack file in the documentation, put into a stack file, validates as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.rules import Severity
from infra.settings import load_stack_file, validate
from infra.settings.files import PREFIX

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MODELS_AND_THEIRS = ("models", "nodePools", "gateway")
"""Sections of a shipped stack that a page's own take the place of."""
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def snippets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each block with the sections of the page's blocks before it: a page goes on where it stopped."""
    for page in PAGES:
        sections: dict[str, Any] = {}
        for number, block in enumerate(FENCE.findall(page.read_text()), 1):
            sections = {**sections, **_unprefixed(yaml.safe_load(block), page.name)}
            yield f"{page.name}#{number}", sections


def _unprefixed(block: Any, page: str) -> dict[str, Any]:
    assert isinstance(block, dict), f"{page}: a list that belongs nowhere"
    bare = [key for key in block if not key.startswith(PREFIX)]
    assert not bare, f"{page}: a stack file wants `{PREFIX}{bare[0]}`"
    return {key.removeprefix(PREFIX): value for key, value in block.items()}


@cache
def shipped(stack: str) -> dict[str, Any]:
    return load_stack_file(ROOT / f"Pulumi.{stack}.yaml")


def in_a_stack_file(name: str, sections: dict[str, Any]) -> dict[str, Any]:
    """A shipped stack with these sections (`dev` where they name pools of EKS managed nodes, else `prod`), and with
    every secret that the page tells how to store."""
    page = next(path for path in PAGES if path.name == name.partition("#")[0])
    secrets = re.findall(rf"pulumi config set --secret (?:{PREFIX})?(\w+)", page.read_text())
    pools = sections.get("nodePools", ())
    base = shipped("prod" if all(pool["instanceType"].startswith("ml.") for pool in pools) else "dev")
    kept = {key: value for key, value in base.items() if not pools or key not in MODELS_AND_THEIRS}
    return {**kept, **{key: _over(kept.get(key), value) for key, value in sections.items()}, "secrets": secrets}


def _over(base: Any, section: Any) -> Any:
    if isinstance(base, dict):
        return {**base, **section}
    if isinstance(base, list):
        return list({each["name"]: each for each in (*base, *section)}.values())
    return section


SNIPPETS = dict(snippets())


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_validates(name: str) -> None:
    found = validate(in_a_stack_file(name, SNIPPETS[name]))
    problems = [problem for problem in found.problems if problem.severity is not Severity.ADVICE]
    assert [str(problem) for problem in problems] == []


def test_pages_about_settings_have_snippets() -> None:
    pages = {name.partition("#")[0] for name in SNIPPETS}
    assert pages >= {
        "README.md",
        "alerts.md",
        "disaggregation.md",
        "engine-tuning.md",
        "scaling.md",
        "several-models.md",
    }
