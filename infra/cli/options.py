"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[
    str | None,
    typer.Option("--stack", "-s", metavar="STACK", help="Read Pulumi.STACK.yaml; dev where neither is given."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Read this stack file, or a bare mapping of settings."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]
