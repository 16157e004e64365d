"""`diff`: what the working tree changes in a stack, against another revision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.console import PROBLEMS, one_to_standard_output, out, step, write
from infra.cli.options import Stack, Strict
from infra.cli.source import Source, previewed, project_root

if TYPE_CHECKING:
    from infra.diff.compare import Comparison
    from infra.report.model import Preview


def diff(
    base: Annotated[
        str, typer.Option("--base", metavar="REV", help="The revision to compare with: a branch, a commit.")
    ],
    stack: Stack = None,
    strict: Strict = False,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the comparison as JSON; `-` prints it instead.")
    ] = None,
    markdown_file: Annotated[
        str | None,
        typer.Option("--markdown", metavar="FILE", help="Write a pull request comment; `-` prints it instead."),
    ] = None,
) -> None:
    """Preview the working tree and another revision, each by its own code, and show what differs.

    Exit status 0, also where the base has no preview of its own and the head is shown alone; 2 where a change cannot be
    made (the way that leads there is named) or REV is no revision.
    """
    from infra.diff.base import BaseFailed, UnknownRevision, preview_of
    from infra.diff.compare import compare
    from infra.report.jsonable import preview_json

    one_to_standard_output(json_file, markdown_file)
    source, unknown = Source.of(stack, None), False
    head = previewed(source, strict=strict)
    now = json.loads(json.dumps(preview_json(head)))
    try:
        with step(f"previewing {source.stack} at {base}"):
            before = preview_of(project_root(), base, source.stack)
        found, reason = compare(before, now), ""
    except BaseFailed as failure:
        found, reason, unknown = None, str(failure), isinstance(failure, UnknownRevision)
    if json_file:
        write(json_file, json.dumps(_as_json(found, base, reason, now), indent=2) + "\n")
    if markdown_file:
        write(markdown_file, _as_markdown(found, base, reason, head))
    if "-" not in (json_file, markdown_file):
        _print(found, base, reason, head)
    if unknown or (found and found.refusals):
        raise typer.Exit(PROBLEMS)


def _as_json(found: Comparison | None, base: str, reason: str, head: object) -> dict[str, object]:
    from infra.diff.compare import comparison_json

    if found is None:
        return {"base": base, "failed": reason, "comparison": None, "head": head}
    return {"base": base, "failed": None, "comparison": comparison_json(found)}


def _as_markdown(found: Comparison | None, base: str, reason: str, head: Preview) -> str:
    from infra.diff.markdown import comparison_markdown, failed_markdown, picture_markdown
    from infra.report.markdown import preview_markdown
    from infra.report.picture import draw

    if found is None:
        text = failed_markdown(head.recording.stack, reason) + preview_markdown(head)
    else:
        text = comparison_markdown(found, base)
    return text + picture_markdown(draw(head.plan, ".mmd").decode())


def _print(found: Comparison | None, base: str, reason: str, head: Preview) -> None:
    from infra.diff.text import print_comparison
    from infra.report.text import print_preview

    if found is not None:
        print_comparison(out(), found, base)
        return
    out().print(f"The base cannot be compared: {reason}. The head alone:\n", markup=False, soft_wrap=True)
    print_preview(out(), head)
