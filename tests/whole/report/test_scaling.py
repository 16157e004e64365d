"""What a preview tells of scaling: limits, triggers, nodes, and what idle nodes cost."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from infra.cli.source import Source, previewed
from infra.report.markdown import preview_markdown
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.report.tables import tables_of
from infra.report.text import print_preview

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Preview:
    """The dev stack with one to three groups on seven nodes."""
    content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    config = content["config"]
    config["sglang-hyperpod:nodePools"][0]["nodes"] = 7
    config["sglang-hyperpod:models"][0]["autoscaling"] = {"maxReplicas": 3}
    file = tmp_path_factory.mktemp("scaled") / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump(content))
    return previewed(Source(file, "dev"))


def test_the_section_shows_limits_nodes_and_triggers(scaled: Preview) -> None:
    (table,) = [table for table in tables_of(scaled) if table.title == "Scaling"]
    assert table.rows == (
        (
            "qwen3-8b",
            "1 to 3, begins with 1",
            "2 to 6 of 7",
            "8 requests wait per group; 80% of the KV cache is in use",
            "900 s, one every 300 s",
            "the number stays",
        ),
    )
    assert table.remarks[-1] == "Idle with the fewest groups: 5 nodes of g6 (23.01 USD an hour)."


def test_text_and_markdown_show_it(scaled: Preview) -> None:
    out = StringIO()
    print_preview(Console(file=out, width=200), scaled)
    for text in (out.getvalue(), preview_markdown(scaled)):
        assert "1 to 3 \u00d7 2 nodes" in text
        assert "1 to 3, begins with 1" in text
        assert "7 (2 used, up to 6, 1 spare)" in text


def test_json_has_it_by_group(scaled: Preview) -> None:
    plan = plan_json(scaled)
    scaling = plan["models"][0]["groups"][0]["scaling"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (1, 3)
    assert [trigger["name"] for trigger in scaling["triggers"]] == ["queue", "kv-usage"]
    assert plan["node_pools"][0]["nodes_used_at_most"] == 6


def test_a_stack_that_does_not_scale_has_no_such_section(dev: Preview) -> None:
    assert "Scaling" not in {table.title for table in tables_of(dev)}
    assert plan_json(dev)["models"][0]["groups"][0]["scaling"] is None
