"""A renamed resource would replace a customer's cluster: it shows here, in review."""

from __future__ import annotations

import pytest

from tests.golden.identity import STACKS, golden_file, identity


@pytest.mark.parametrize("stack", STACKS)
def test_no_resource_of_a_shipped_stack_changes_its_identity(stack: str) -> None:
    assert identity(stack) == golden_file(stack).read_text(), (
        "if this is meant: add aliases, then `python -m tests.golden`"
    )
