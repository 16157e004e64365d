"""When GPU nodes come: beside the weights, or after them; and what a preview says of the time and money."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from infra.cli.source import Source, previewed
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.report.tables import tables_of

ROOT = Path(__file__).parents[3]
JOBS = {"dev": {"qwen3-8b-weights-job"}, "prod": {"deepseek-r1-weights-job", "qwen3-30b-weights-job"}}
NODES = {"dev": "g6-group", "prod": "hyperpod-cluster"}


@cache
def preview(stack: str, after: str) -> Preview:
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    content["config"]["sglang-hyperpod:gpuNodes"] = {"after": after}
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"Pulumi.{stack}.yaml"
        file.write_text(yaml.safe_dump(content))
        return previewed(Source(file, stack))


def waited_for(seen: Preview) -> set[str]:
    """The weights jobs that the GPU nodes wait for."""
    stack = seen.recording.stack
    (nodes,) = [each for each in seen.created if each.name == NODES[stack]]
    by_urn = seen.recording.by_urn
    return {by_urn[urn].name for urn in nodes.depends_on if by_urn[urn].name.endswith("-weights-job")}


def remark(seen: Preview) -> str:
    (path,) = [table for table in tables_of(seen) if table.title == "Critical path"]
    return path.remarks[-1]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_gpu_nodes_wait_for_weights_only_where_the_settings_say_so(stack: str) -> None:
    assert waited_for(preview(stack, "cluster")) == set()
    assert waited_for(preview(stack, "weights")) == JOBS[stack]


def test_models_wait_for_the_same_in_both_orders() -> None:
    def needs(after: str) -> set[str]:
        seen = preview("dev", after)
        (group,) = [each for each in seen.created if each.name == "qwen3-8b-serve"]
        return {seen.recording.by_urn[urn].name for urn in group.depends_on}

    assert needs("cluster") == needs("weights")


def test_what_parallel_work_saves_is_said_in_minutes_and_money() -> None:
    assert remark(preview("dev", "cluster")) == (
        "GPU nodes beside everything else, not before: every model serves at least 10 min sooner, with at least 10 min "
        "less of idle GPUs (1.53 USD); unknown durations are left out of both."
    )
    saving = plan_json(preview("dev", "cluster"))["order"]["saving"]
    assert saving["minutes"] == pytest.approx(10, abs=0.5)
    assert saving["cost"] == pytest.approx(2 * 4.6016 * saving["gpu_minutes"] / 60)
    assert saving["exact"] is False


def test_gpu_nodes_after_the_weights_say_so() -> None:
    assert remark(preview("dev", "weights")).startswith("GPU nodes after the weights, not before: every model serves")


def test_the_weights_job_takes_nobody_knows_how_long() -> None:
    seen = preview("dev", "weights")
    (job,) = [step for step in seen.order.steps.values() if step.resource.name == "qwen3-8b-weights-job"]
    assert job.estimate.minutes is None
    assert job in seen.order.unknown
    assert not any(wait.exact for wait in seen.order.gpu_waits)
