"""Running a program in this process and recording what it registers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from infra.offline.recording import Recording

PROJECT = "sglang-hyperpod"


def record(
    program: Callable[[], Any],
    *,
    project: str = PROJECT,
    stack: str = "test",
    config: Mapping[str, str] | None = None,
    secret_keys: Collection[str] = (),
    preview: bool = True,
) -> Recording:
    """Run `program` as Pulumi would and return what it registered; nothing reaches for a network.

    `config` is keyed like a stack file (`sglang-hyperpod:region`), each value text, JSON for structures; `secret_keys`
    names those that are secrets. In a preview every computed output is unknown, identifiers too, and inputs stay known:
    what needs a value from the cloud does not run. With `preview=False` outputs get made-up values that are the same in
    every run, so that code within `apply` can be tested.

    Each call starts afresh: configuration, stack, event loop and context. The program's first error is raised as it is.
    """
    from infra.offline.engine import Engine

    return Engine(project, stack, dict(config or {}), frozenset(secret_keys), preview).run(program)
