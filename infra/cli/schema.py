"""`schema`: the JSON schema of the settings, for editors."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from infra.cli.console import PROBLEMS, err, out, write
from infra.cli.source import project_root

FILE = "docs/settings.schema.json"
"""The committed schema, from the folder of `Pulumi.yaml`."""


def schema(
    check: Annotated[bool, typer.Option("--check", help=f"Exit with status 2 where {FILE} is not current.")] = False,
    write_file: Annotated[bool, typer.Option("--write", help=f"Write {FILE}.")] = False,
) -> None:
    """Print the JSON schema of a stack file, or compare the committed one with it."""
    from infra.settings.schema import stack_file_schema

    text = json.dumps(stack_file_schema(), indent=2) + "\n"
    path = project_root() / FILE
    if write_file:
        write(str(path), text)
    elif not check:
        write("-", text)
    elif not path.is_file() or path.read_text() != text:
        err().print(f"{FILE} is not current: run `sglang-hyperpod schema --write`")
        raise typer.Exit(PROBLEMS)
    else:
        out().print(f"{FILE} is current")
