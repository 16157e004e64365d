"""A renamed resource would replace a customer's cluster: it shows here, in review."""

from __future__ import annotations

import pytest

from tests.golden.identity import golden_file, golden_tree, identity, rendered
from tests.shipped import STACKS


@pytest.mark.parametrize("stack", STACKS)
def test_no_resource_of_a_shipped_stack_changes_its_identity(stack: str) -> None:
    assert identity(stack) == golden_file(stack).read_text(), (
        "if this is meant: add aliases, then `python -m tests.golden`"
    )


@pytest.mark.parametrize("stack", STACKS)
def test_what_a_shipped_stack_applies_does_not_change_unseen(stack: str) -> None:
    kept = {str(file.relative_to(golden_tree(stack))): file.read_text() for file in golden_tree(stack).rglob("*.yaml")}
    assert rendered(stack) == kept, "if it is meant: `python -m tests.golden`, and read the difference"
