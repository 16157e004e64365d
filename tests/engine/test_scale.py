"""Fifty models on the engine: time that people wait, and no more per resource than a bit."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import yaml

from infra.program import main
from tests.bench.settings import with_models
from tests.engine.stack import EngineStack

MOST_SECONDS = 60
"""For a preview of 50 models on a busy machine of two cores; a quiet one takes about 8."""


def test_fifty_models_preview(make_stack: Callable[..., EngineStack]):
    stack = make_stack("dev", yaml.safe_load(with_models(50)), main)
    started = time.monotonic()
    preview = stack.preview()
    assert preview.ok, preview.errors()
    assert sum("LeaderWorkerSet model-" in step.short for step in preview.changes) == 50
    assert time.monotonic() - started < MOST_SECONDS


@pytest.mark.exhaustive
def test_fifty_models_are_deployed_updated_and_destroyed(make_stack: Callable[..., EngineStack]):
    stack = make_stack("dev", yaml.safe_load(with_models(50)), main)
    up = stack.up()
    assert up.ok, up.errors()
    stack.set("models[7].arguments", {"schedule-policy": "lpm"})
    assert [step.short for step in stack.up().changes] == ["update LeaderWorkerSet model-007-serve"]
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    assert list(stack.world.things()) == []
