"""The state that the last release left behind still previews without replacements."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from tests.engine.record import STACKS, recorded
from tests.engine.stack import EngineStack
from tests.engine.test_changes import precious_stays


@pytest.mark.parametrize("name", STACKS)
def test_the_last_release_is_taken_over(shipped: Callable[[str], EngineStack], name: str):
    stack = shipped(name)
    stack.state_file.write_bytes(gzip.decompress(recorded(name).read_bytes()))
    preview = stack.preview()
    assert preview.ok, preview.errors()
    assert [step.short for step in preview.steps if step.op == "same"] != []
    assert [step.short for step in preview.changes if step.op == "replace"] == []
    precious_stays(preview)
