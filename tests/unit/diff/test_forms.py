"""A comparison as its readers see it."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from infra.diff.compare import Comparison, compare
from infra.diff.markdown import comparison_markdown, escaped, failed_markdown, picture_markdown
from infra.diff.text import print_comparison
from tests.unit.diff.previews import LUSTRE, RANKS, VPC, preview, resource


def busy() -> Comparison:
    before = preview(
        resource(LUSTRE, "weights", {"deploymentType": "PERSISTENT_1", "tags": {}}, protect=True),
        resource(RANKS, "serve", {"spec": {"replicas": 1}}),
        resource(VPC, "gone", {"a": 1}),
        gpus=9.0,
    )
    after = preview(
        resource(LUSTRE, "weights", {"deploymentType": "PERSISTENT_2", "tags": {}}, protect=True),
        resource(RANKS, "serve", {"spec": {"replicas": 2}}),
        resource(VPC, "new", {"a": 1}),
        warnings=[{"rule": "a.b", "path": "models[0]", "message": "m", "severity": "warning"}],
        gpus=18.0,
    )
    return compare(before, after)


def test_replacements_stand_in_bold_at_the_top_with_what_is_lost() -> None:
    lines = comparison_markdown(busy(), "main").splitlines()
    assert lines[0] == "## Changes of `dev` against `main`"
    assert lines[2] == "**1 resource replaced: deleted and made anew**"
    assert lines[4] == (
        "- **LustreFileSystem weights: by deploymentType; it holds the weights, and hours of fetching them; "
        "protected, so that the update stops there**"
    )


def test_the_rest_of_the_comment() -> None:
    text = comparison_markdown(busy(), "main")
    assert "1 replaced, 1 added, 1 changed, 1 removed, 0 unchanged; +9.00 USD per hour." in text
    assert "### Cost: +9.00 USD per hour\n\n- gpus: 9.00 USD -&gt; 18.00 USD per hour" in text
    assert "### Warnings added\n\n- warning models\\[0\\]: m (a.b)" in text
    assert "- LeaderWorkerSet serve: spec.replicas: 1 -&gt; 2" in text
    assert "- Vpc new" in text
    assert "- Vpc gone" in text


def test_what_cannot_be_done_comes_first() -> None:
    before, after = (
        preview(resource(LUSTRE, "weights", {"efaEnabled": True, "perUnitStorageThroughput": rate, "subnetIds": zone}))
        for rate, zone in ((500, "a"), (1000, "b"))
    )
    text = comparison_markdown(compare(before, after), "main")
    assert text.index("**Cannot be done**") < text.index("**1 resource replaced")


def test_a_removed_file_system_is_urgent_unless_it_stays_in_the_cloud() -> None:
    for retained, says in ((True, "it leaves the stack and stays in the cloud"), (False, "it holds the weights")):
        before = preview(resource(LUSTRE, "weights", {"a": 1}, retain_on_delete=retained))
        text = comparison_markdown(compare(before, preview()), "main")
        assert f"- **LustreFileSystem weights: {says}" in text


def test_no_changes_are_said_in_two_words() -> None:
    same = preview(resource(VPC, "vpc", {"a": 1}))
    assert comparison_markdown(compare(same, same), "main") == "## Changes of `dev` against `main`\n\nNo changes.\n"


def test_the_lines_of_a_text_that_differ_stand_below_their_resource() -> None:
    before, after = (
        preview(resource(RANKS, "script", {"data": {"run": text}})) for text in ("echo `old`\nend", "```escape\nend")
    )
    comment = comparison_markdown(compare(before, after), "main")
    below = "  ```diff\n  data.run:\n  @@ -1,2 +1,2 @@\n  -echo `old`\n  +'''escape\n   end\n  ```\n"
    assert f"text of 2 lines\n\n{below}" in comment
    console = Console(file=StringIO(), width=200)
    print_comparison(console, compare(before, after), "main")
    assert isinstance(console.file, StringIO)
    assert "      -echo `old`\n" in console.file.getvalue()


def test_values_cannot_break_out_of_the_comment() -> None:
    assert escaped("<img> @team [x](y) `z`\n# a") == "&lt;img&gt; &#64;team \\[x\\](y) \\`z\\` \\# a"


def test_a_comment_stays_below_the_limit_of_github() -> None:
    paths = {f"field{number}": "x" * 100 for number in range(50)}
    before = preview(*(resource(VPC, f"vpc{number}", {"cidrBlock": number, **paths}) for number in range(500)))
    after = preview(*(resource(VPC, f"vpc{number}", {"cidrBlock": -number}) for number in range(1000)))
    text = comparison_markdown(compare(before, after), "main")
    assert len(text) < 30_000
    assert "and 459 more" in text


def test_a_base_that_fails_is_said_above_the_head() -> None:
    assert failed_markdown("dev", "no such revision").startswith(
        "## Changes of `dev`\n\n**The base cannot be compared**: no such revision."
    )


def test_the_picture_is_folded() -> None:
    assert "<summary>Picture</summary>\n\n```mermaid\nflowchart LR\n```" in picture_markdown("flowchart LR\n")


def test_the_terminal_has_the_same_sections() -> None:
    console = Console(file=StringIO(), width=200)
    print_comparison(console, busy(), "main")
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert text.startswith(
        "dev against main: 1 replaced, 1 added, 1 changed, 1 removed, 0 unchanged; +9.00 USD per hour"
    )
    assert "1 resource replaced: deleted and made anew\n  LustreFileSystem weights: by deploymentType;" in text
