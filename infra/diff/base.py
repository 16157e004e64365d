"""The preview of another revision: its own code, on its own settings, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_PREVIEW: Final = "from infra.cli.main import app; app()"
_TIMEOUT: Final = 600
"""Seconds for the preview of the base."""


class BaseFailed(Exception):
    """The base has no preview; the message says why."""


class UnknownRevision(BaseFailed):
    """The repository has no such revision."""


def preview_of(root: Path, revision: str, stack: str) -> Mapping[str, Any]:
    """What `preview --json` of a revision says about a stack. Raises `BaseFailed`.

    The revision is checked out beside the repository's work tree, which stays as it is. Its code runs in this
    interpreter's environment, but from its own folder, whatever is installed there.
    """
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        raise UnknownRevision(f"{revision} is no revision of this repository; a shallow clone has only the newest")
    with _worktree(root, commit) as tree, tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "preview.json"
        command = [sys.executable, "-P", "-c", _PREVIEW, "preview", "--stack", stack, "--json", str(result)]
        try:
            done = subprocess.run(  # noqa: S603 - the repository's own code
                command, cwd=tree, env=_environment(tree), capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise BaseFailed(f"the preview of {revision} took more than {_TIMEOUT} s") from None
        if done.returncode or not result.is_file():
            raise BaseFailed(f"the preview of {revision} failed: {_last_lines(done.stderr or done.stdout)}")
        return json.loads(result.read_text())


@contextmanager
def _worktree(root: Path, commit: str) -> Generator[Path]:
    """The project's folder in a temporary work tree."""
    prefix = _git(root, "rev-parse", "--show-prefix") or ""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "base"
        if _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit) is None:
            raise BaseFailed(f"git cannot check out {commit}")
        try:
            yield tree / prefix
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers, None where it fails. Raises `BaseFailed` where there is no git."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, env=_environment(root), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BaseFailed("git is not installed") from None
    return done.stdout.strip() if done.returncode == 0 else None


def _environment(folder: Path) -> dict[str, str]:
    """This environment, with modules from `folder` first, and without what ties git to another repository in a hook."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "it said nothing"
