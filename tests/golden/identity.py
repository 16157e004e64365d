"""The public identity of a stack: type token, logical name and parent of every resource, and what it renders to."""

from __future__ import annotations

from pathlib import Path

from infra.report.objects import files_of
from tests.shipped import recording


def identity(stack: str) -> str:
    """One line a resource, `parent > type name`, sorted."""
    made = recording(stack)
    parents = {resource.urn: resource.name for resource in made.resources}
    lines = {
        f"{parents.get(resource.parent or '', stack)} > {resource.type} {resource.name}" for resource in made.resources
    }
    return "\n".join(sorted(lines)) + "\n"


def golden_file(stack: str) -> Path:
    """Where the identity of a stack is kept."""
    return Path(__file__).parent / f"{stack}.resources.txt"


def rendered(stack: str) -> dict[str, str]:
    """Every Kubernetes object and every chart's values of a stack, by path."""
    return files_of(recording(stack))


def golden_tree(stack: str) -> Path:
    """Where the rendered files of a stack are kept."""
    return Path(__file__).parent / stack
