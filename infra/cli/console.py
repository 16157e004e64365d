"""Where output goes: results to standard output, progress and problems to standard error."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

PIPED_WIDTH = 140
"""Columns of a report that no terminal shows."""
PROBLEMS = 2
"""Exit status where settings are wrong or a check failed."""


def out() -> Console:
    """Standard output. Piped, it is plain text of a fixed width."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def err() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, width=None if sys.stderr.isatty() else PIPED_WIDTH)


@contextmanager
def step(text: str) -> Generator[None]:
    """Say what is being done while it is done, where somebody looks; piped, say nothing."""
    if not sys.stderr.isatty():
        yield
        return
    with err().status(f"{text} ..."):
        yield


def fail(message: str) -> NoReturn:
    """End the command with a message on standard error."""
    err().print(f"[red]error[/red]: {message}", soft_wrap=True)
    raise typer.Exit(PROBLEMS)


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Write into a file or folder of the user's choice; where that cannot be, say so and end the command."""
    from rich.markup import escape

    try:
        yield
    except OSError as error:
        fail(escape(f"{path} cannot be written: {error.strerror} ({error.filename})"))


def write(path: str, text: str) -> None:
    """Write a result to a file, or to standard output where `path` is `-`."""
    if path == "-":
        sys.stdout.write(text)
        return
    from pathlib import Path

    target = Path(path)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def one_to_standard_output(*paths: str | None) -> None:
    """End the command where several results are to go to standard output, which none of them could be read from."""
    if paths.count("-") > 1:
        fail("--json and --markdown cannot both be `-`; give one of them a file")
