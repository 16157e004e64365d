"""Running the checks over a stack."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from components.rules import Problem
from infra.policy.check import Check, Violation
from infra.policy.checks.encryption import encryption
from infra.policy.checks.exposure import exposure
from infra.policy.checks.gpu import gpu
from infra.policy.checks.identity import identity
from infra.policy.checks.images import images
from infra.policy.checks.pods import privilege
from infra.policy.checks.protection import protection
from infra.policy.checks.queries import queries
from infra.policy.checks.tags import tags
from infra.policy.resource import Resource, Stack

if TYPE_CHECKING:
    from infra.offline.recording import Recording
    from infra.settings import StackSettings

CHECKS: tuple[Check, ...] = tuple(
    check
    for theme in (gpu, privilege, identity, exposure, encryption, images, protection, tags, queries)
    for check in theme.checks
)
"""Every check, by theme."""


def run(resources: Iterable[Resource], *, protect: bool | None = None) -> list[Violation]:
    """What every check finds. `protect` is whether the stack is to be protected; None lets its resources tell."""
    stack = Stack(resources, protect=protect)
    return [Violation(check, resource, finding) for check in CHECKS for resource, finding in check.findings(stack)]


def violations_of(
    recording: Recording, settings: StackSettings, reported: Collection[Problem] = ()
) -> tuple[Problem, ...]:
    """What the checks find in a recorded stack, as problems: mandatory ones are errors, advisory ones advice.

    `reported` are the problems of the settings: what a rule of theirs has said already is not said again.
    """
    said = {problem.rule for problem in reported}
    found = run(map(Resource.of, recording.resources), protect=settings.protect)
    return tuple(violation.problem() for violation in found if violation.check.rule not in said)
