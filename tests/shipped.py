"""The shipped stacks, read and recorded once for all tests of a process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from infra.offline import Recording, record
from infra.plan import resolve
from infra.settings import StackSettings, load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[1]
STACKS = ("dev", "prod")


@cache
def settings(stack: str) -> StackSettings:
    """The settings of a shipped stack."""
    found = validate(load_stack_file(ROOT / f"Pulumi.{stack}.yaml"))
    assert found.settings is not None, found.errors
    return found.settings


@cache
def recording(stack: str, *, preview: bool = True) -> Recording:
    """A shipped stack, recorded as a preview, or with made-up outputs."""
    chosen = settings(stack)
    return record(lambda: deploy(chosen, resolve(chosen), stack), stack=stack, preview=preview)
