"""`graph`: the architecture as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.console import fail, out, step, writing
from infra.cli.options import Config, Stack
from infra.cli.source import Source, checked


def graph(
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="FILE.svg, FILE.png, or FILE.mmd (Mermaid).")],
    stack: Stack = None,
    config: Config = None,
) -> None:
    """Draw the stack: zones, cluster, node pools with GPUs and prices, models with their ranks, and the flows."""
    from infra.plan import resolve
    from infra.report.picture import FORMATS, draw

    if file.suffix not in FORMATS:
        fail(f"{file.name}: the format is told by the ending, one of {', '.join(FORMATS)}")
    found = checked(Source.of(stack, config), strict=False)
    assert found.settings is not None  # noqa: S101 - `checked` ends the command where there are none
    with step("drawing"):
        content = draw(resolve(found.settings), file.suffix)
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    out().print(f"wrote {file}", soft_wrap=True)
