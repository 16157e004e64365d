"""Weights and the GPU nodes on the engine: what waits for what, and what a change runs again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from components.serving.weights import job
from tests.engine.stack import EngineStack


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_gpu_nodes_come_after_the_weights_where_asked_to(shipped: Callable[[str], EngineStack], name: str):
    stack = shipped(name)
    stack.set("gpuNodes", {"after": "weights"})
    up = stack.up()
    assert up.ok, up.errors()
    made = [event.name for event in stack.world.journal("create")]
    nodes = {"dev": "g6-group", "prod": "hyperpod-cluster"}[name]
    jobs = [each for each in made if each.endswith("-weights-job")]
    assert jobs
    assert all(made.index(each) < made.index(nodes) for each in jobs)
    stack.set("gpuNodes", {"after": "cluster"})
    assert stack.preview("--expect-no-changes").ok


def test_staging_rolls_the_groups_and_fetches_nothing_again(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    stack.set("models[0].weights", {"staging": True})
    up = stack.up()
    assert up.ok, up.errors()
    assert {step.short for step in up.changes} == {
        "create ConfigMap inference-staging",
        "update ValidatingAdmissionPolicy inference-policy",
        "update LeaderWorkerSet qwen3-8b-serve",
        "update PrometheusRule alerts-model-qwen3-8b",
    }
    again = stack.preview("--expect-no-changes")
    assert again.ok, [str(step) for step in again.changes]


def test_a_new_text_of_the_script_runs_no_finished_job_again(
    clone: Callable[[str], EngineStack], monkeypatch: pytest.MonkeyPatch
):
    stack = clone("dev")
    text = job.script()
    monkeypatch.setattr("components.serving.weights.component.script", lambda: f"{text}\n# said better\n")
    assert [step.short for step in stack.preview().changes] == ["update ConfigMap qwen3-8b-weights-script"]
    monkeypatch.setattr(job, "BEHAVIOUR", "next")
    assert {step.short for step in stack.preview().changes} == {
        "update ConfigMap qwen3-8b-weights-script",
        "replace Job qwen3-8b-weights-job",
    }
