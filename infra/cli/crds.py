"""`crds`: definitions that Helm installs once and never upgrades, fetched and verified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.console import fail, out, step, writing
from infra.cli.web import Ask, UnreachableError, ask

if TYPE_CHECKING:
    from components.facts.crd_files import CrdFile


def crds(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files, one folder per chart.")],
) -> None:
    """Fetch the pinned CustomResourceDefinitions, verify each by SHA-256, and print the commands that apply them.

    Apply them before the stack upgrades one of these charts: a Helm release does not touch definitions that are there.
    """
    from components.facts.crd_files import crd_files

    with writing(folder):
        try:
            with step("fetching definitions"):
                download(crd_files(), folder, ask)
        except (UnreachableError, MismatchError) as error:
            fail(str(error))
    for chart in dict.fromkeys(file.chart for file in crd_files()):
        out().print(apply_command(folder / chart), soft_wrap=True)


class MismatchError(RuntimeError):
    """A file is not the one that was pinned."""


def download(files: Iterable[CrdFile], folder: Path, ask: Ask) -> None:
    """Write every file, once all of them are verified: a folder never holds a part of them.

    Raises `MismatchError` for a hash that differs, `UnreachableError` where a server does not answer with the file.
    """
    contents = {folder / file.chart / file.name: _verified(file, ask) for file in files}
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _verified(file: CrdFile, ask: Ask) -> bytes:
    answer = ask(file.url)
    if answer.status != 200:
        raise UnreachableError(f"{file.url}: status {answer.status}")
    found = hashlib.sha256(answer.body).hexdigest()
    if found != file.sha256:
        raise MismatchError(f"{file.url} has SHA-256 {found}, the pin says {file.sha256}; nothing was written")
    return answer.body


def apply_command(folder: Path) -> str:
    """Server-side, since several definitions exceed what client-side apply can note (262144 bytes); the field manager
    is Helm's, which owns them since it installed them.
    """
    return f"kubectl apply --server-side --force-conflicts --field-manager=helm -f {folder}"
