"""`preview`: what the real program would create, in which order, on what and for how much."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from infra.cli.console import one_to_standard_output, out, write
from infra.cli.options import Config, Stack, Strict
from infra.cli.source import Source, previewed


def preview(
    stack: Stack = None,
    config: Config = None,
    strict: Strict = False,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON; `-` prints it instead.")
    ] = None,
    markdown_file: Annotated[
        str | None,
        typer.Option("--markdown", metavar="FILE", help="Write a pull request comment; `-` prints it instead."),
    ] = None,
) -> None:
    """Run the program in this process, without a cloud, and show its plan."""
    one_to_standard_output(json_file, markdown_file)
    shown = previewed(Source.of(stack, config), strict=strict)
    if json_file:
        from infra.report.jsonable import preview_json

        write(json_file, json.dumps(preview_json(shown), indent=2) + "\n")
    if markdown_file:
        from infra.report.markdown import preview_markdown

        write(markdown_file, preview_markdown(shown))
    if "-" not in (json_file, markdown_file):
        from infra.report.text import print_preview

        print_preview(out(), shown)
