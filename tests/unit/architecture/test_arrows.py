"""Arrows point one way: rooms know nothing of the stack or of each other, pure modules nothing of Pulumi."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import components
from components.rules import RuleSet
from infra.rules import RULE_SETS

ROOT = Path(__file__).parents[3]
MODULES = sorted(
    path
    for folder in ("components", "infra")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
ROOMS = [path for path in MODULES if path.is_relative_to(ROOT / "components")]
SHARED_COMPONENTS = {"components.aws.identity.component"}
"""Components that every room may use, like `components.kube`."""


@cache
def imports(path: Path) -> set[str]:
    """Modules that a file imports, `from x import y` counted as `x` and `x.y`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(path: Path) -> list[str]:
    deeper = "aws" in path.parts or "platform" in path.parts
    return name_of(path).split(".")[: 3 if deeper else 2]


def test_a_room_knows_nothing_of_the_stack() -> None:
    assert [name_of(path) for path in ROOMS if any(name.split(".")[0] == "infra" for name in imports(path))] == []


def test_a_room_imports_no_component_of_a_sibling() -> None:
    found = [
        f"{name_of(path)} imports {name}"
        for path in ROOMS
        for name in sorted({name for name in imports(path) if name.endswith(".component")} - SHARED_COMPONENTS)
        if name.split(".")[: len(room_of(path))] != room_of(path)
    ]
    assert found == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Also for types alone, which Python would let pass."""
    names = {name_of(path): path for path in MODULES if path.name != "__init__.py"}
    order = TopologicalSorter({name: (imports(path) & names.keys()) - {name} for name, path in names.items()})
    circle: list[str] = []
    try:
        order.prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_settings_rules_plan_and_facts_load_without_pulumi() -> None:
    pure = [
        name_of(path)
        for path in MODULES
        if path.name in ("settings.py", "rules.py", "plan.py", "sizing.py")
        or path.is_relative_to(ROOT / "components/facts")
        or path.is_relative_to(ROOT / "infra/settings")
        or path.is_relative_to(ROOT / "infra/rules")
        or path.is_relative_to(ROOT / "infra/plan")
        or (path.is_relative_to(ROOT / "infra/policy") and not path.is_relative_to(ROOT / "infra/policy/pack"))
        or path.is_relative_to(ROOT / "infra/diff")
        or path.is_relative_to(ROOT / "infra/doctor")
        or path.is_relative_to(ROOT / "components/serving/engine")
    ]
    blocked = "import sys; sys.modules.update({name: None for name in ('pulumi', 'pulumi_aws', 'pulumi_kubernetes')})"
    loads = "; ".join(f"import {name}" for name in pure)
    result = subprocess.run([sys.executable, "-c", f"{blocked}; {loads}"], capture_output=True, text=True, check=False)
    assert result.stderr == ""


def rule_sets_of(module: str) -> list[RuleSet]:
    return [value for value in vars(import_module(module)).values() if isinstance(value, RuleSet)]


def test_every_rule_set_of_a_room_is_gathered() -> None:
    declared: list[RuleSet] = []
    for module in pkgutil.walk_packages(components.__path__, "components."):
        if module.name.rsplit(".", 1)[-1] in ("settings", "rules"):
            declared += rule_sets_of(module.name)
    for path in (ROOT / "infra/rules").glob("*.py"):
        declared += rule_sets_of(name_of(path))
    gathered = {id(rule) for rule_set in RULE_SETS for rule in rule_set.rules}
    assert {id(rule) for rule_set in declared for rule in rule_set.rules} == gathered
    assert len(gathered) == sum(len(rule_set.rules) for rule_set in RULE_SETS)


def test_rule_ids_are_unique_and_name_their_source() -> None:
    rules = [rule for rule_set in RULE_SETS for rule in rule_set.rules]
    assert sorted({rule.id for rule in rules}) == sorted(rule.id for rule in rules)
    assert [rule.id for rule in rules if not rule.source or not rule.summary] == []
