"""The preview as text and Markdown, and its small parts."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from components.rules import Problem, Severity
from infra.report.figures import count, gib, listed, minutes, money
from infra.report.markdown import preview_markdown
from infra.report.model import Preview
from infra.report.problems import as_json, print_problems, summary
from infra.report.tables import tables_of
from infra.report.text import print_preview

ERROR = Problem("models[1].parallelism.tensor", "8 ranks on 4 GPUs", "set tensor: 4", "layout.ranks")
ADVICE = Problem("region", "far", "near", "region.near", Severity.ADVICE)


def text_of(dev: Preview) -> str:
    out = StringIO()
    print_preview(Console(file=out, width=200), dev)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "unknown"), (0, "0 min"), (0.5, "30 s"), (12.4, "12 min"), (125, "2 h 05 min")],
)
def test_minutes_read_well(value: float | None, shown: str) -> None:
    assert minutes(value) == shown


def test_money_reads_well() -> None:
    assert money(200896) == "200,896.00 USD"
    assert money(0.045) == "0.0450 USD"
    assert money(None) == "unknown"


def test_counts_agree_with_their_noun() -> None:
    assert (count(1, "node"), count(2, "node"), count(3, "entry", "entries")) == ("1 node", "2 nodes", "3 entries")


def test_memory_of_unknown_size_is_unknown() -> None:
    assert (gib(None), gib(1.25)) == ("unknown", "1.2 GiB")


def test_long_lists_are_cut_and_counted() -> None:
    assert listed(["a", "b", "c"], 2) == "a, b, and 1 more"
    assert listed(["a", "b"], 2) == "a, b"


def test_a_problem_shows_path_fault_mending_and_rule() -> None:
    out = StringIO()
    print_problems(Console(file=out), "Pulumi.dev.yaml", [ERROR, ADVICE])
    assert out.getvalue() == (
        "error models[1].parallelism.tensor: 8 ranks on 4 GPUs\n"
        "    set tensor: 4 (layout.ranks)\n"
        "advice region: far\n"
        "    near (region.near)\n"
        "Pulumi.dev.yaml: 1 error, 1 advice\n"
    )


def test_problems_with_brackets_are_not_taken_for_markup() -> None:
    out = StringIO()
    print_problems(Console(file=out), "f", [Problem("nodePools[0]", "[red] is no zone", "[use] one", "a.b")])
    assert "[red] is no zone" in out.getvalue()
    assert "[use] one" in out.getvalue()


def test_advice_alone_is_valid() -> None:
    assert as_json("f", [ADVICE])["valid"] is True
    assert as_json("f", [ADVICE, ERROR])["valid"] is False


def test_no_problem_is_said() -> None:
    assert summary([]) == "no problems"


def test_piped_text_has_no_control_characters(dev: Preview) -> None:
    assert not re.search(r"[\x00-\x08\x1b]", text_of(dev))


def test_the_text_shows_every_section(dev: Preview) -> None:
    text = text_of(dev)
    assert all(table.title in text for table in tables_of(dev))


def test_the_text_says_how_long_the_version_is_supported(dev: Preview) -> None:
    assert "Kubernetes 1.34: standard support until 2026-12-02" in text_of(dev)


def test_warnings_are_shown_once(dev: Preview) -> None:
    text = text_of(dev)
    for problem in dev.problems:
        assert text.count(f"({problem.rule})") == sum(p.rule == problem.rule for p in dev.problems)


def test_every_component_of_the_program_is_listed(dev: Preview) -> None:
    table = next(table for table in tables_of(dev) if table.title == "Components")
    tops = {r.name for r in dev.recording.resources if r.component and r.parent is None}
    assert {row[0] for row in table.rows} >= tops - {"kube"}
    assert sum(int(row[2]) for row in table.rows) == len(dev.created)


def test_markdown_tables_are_whole(dev: Preview) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", preview_markdown(dev), flags=re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(columns) == 1


def test_markdown_fits_a_comment(dev: Preview) -> None:
    assert len(preview_markdown(dev)) < 65536


def test_markdown_shows_the_problems_with_their_paths(dev: Preview) -> None:
    markdown = preview_markdown(dev)
    assert all(f"`{problem.path}`" in markdown for problem in dev.problems)
