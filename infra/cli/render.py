"""`render`: Kubernetes objects and chart values as YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.console import out, writing
from infra.cli.options import Config, Stack
from infra.cli.source import Source, previewed
from infra.report.figures import count, listed

MOST_NAMES = 3
"""Files of an earlier run that are named."""


def render(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    stack: Stack = None,
    config: Config = None,
) -> None:
    """Write every Kubernetes object and every chart's values as YAML: `<namespace>/<kind>-<name>.yaml`.

    What only the cloud can tell reads "<resource.output>"; a secret is a reference, never its text.
    Files that are in DIR already stay, and are counted where they are not of this run.
    """
    from infra.report.objects import others_in, write_files

    shown = previewed(Source.of(stack, config))
    with writing(folder):
        written = write_files(shown.recording, folder)
        others = others_in(folder, written)
    out().print(f"{count(len(written), 'file')} in {folder}", soft_wrap=True)
    if others:
        text = f"still there and not of this run: {count(len(others), 'file')} ({listed(others, MOST_NAMES)})"
        out().print(text, markup=False, soft_wrap=True)
