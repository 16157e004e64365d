"""`validate`: every problem of the settings at once."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.console import PROBLEMS, out
from infra.cli.options import Config, Stack, Strict
from infra.cli.source import Source


def validate(
    stack: Stack = None,
    config: Config = None,
    strict: Strict = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List every rule with its source and stop.")] = False,
) -> None:
    """Check a stack's settings: exit status 0, or 2 with every problem at once."""
    from infra.report import problems

    if rules:
        problems.print_rules(out(), as_json=as_json)
        return
    from infra.settings import validate as validate_settings

    source = Source.of(stack, config)
    found = validate_settings(source.raw(), strict=strict)
    if as_json:
        out().print_json(data=problems.as_json(source.path.name, found.problems))
    else:
        problems.print_problems(out(), source.path.name, found.problems)
    if found.errors:
        raise typer.Exit(PROBLEMS)
