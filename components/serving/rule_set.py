"""The one set to which the rooms of a model add their rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from components.rules import Finding, RuleSet, Severity
from components.serving.roles import roles

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings


class ModelRules(RuleSet):
    """Rules of one model. A rule sees each role of it as a model of its own, and its paths are put where the user wrote
    what they name; what both roles share is said once.
    """

    def rule(self, id: str, *, source: str, severity: Severity = Severity.ERROR) -> Callable[[Any], Any]:
        """Register the decorated generator function, which is asked of every role."""
        register = RuleSet.rule(self, id, source=source, severity=severity)

        def decorate(check: Callable[[ModelSettings], Iterator[Finding]]) -> Any:
            register(_of_every_role(check))
            return check

        return decorate

    def of_whole(self, id: str, *, source: str, severity: Severity = Severity.ERROR) -> Callable[[Any], Any]:
        """Register the decorated generator function, which is asked once, of the model as it was written."""
        return RuleSet.rule(self, id, source=source, severity=severity)


def _of_every_role(check: Callable[[ModelSettings], Iterator[Finding]]) -> Callable[[ModelSettings], Iterator[Finding]]:
    @wraps(check)
    def checked(model: ModelSettings) -> Iterator[Finding]:
        found = [
            replace(finding, path=role.path(finding.path)) for role in roles(model) for finding in check(role.settings)
        ]
        yield from dict.fromkeys(found)

    return checked


rules: Final = ModelRules("models")
"""The rules of one model, without its node pool; those that need the pool are in `infra.rules.serving`."""
