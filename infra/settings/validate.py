"""From raw settings to `StackSettings`, or to every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.rules import Problem, RuleSet, Severity
from infra.rules import RULE_SETS
from infra.settings.read import Reading, Unread
from infra.settings.stack import StackSettings


@dataclass(frozen=True, slots=True)
class Validated:
    """`settings` is None where there are errors; `problems` go by severity, then as their sections do in the file."""

    settings: StackSettings | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop the program."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings and the advice, which every preview shows."""
        return tuple(problem for problem in self.problems if problem.severity is not Severity.ERROR)


def validate(raw: Mapping[str, Any], *, strict: bool = False) -> Validated:
    """Check raw settings (see `infra.settings.files`); with `strict`, or `strict: true` in them, warnings are errors.

    What a rule says about a value that reading put back to its default is dropped: the user never wrote that value. So
    is what a rule across sections says elsewhere while an element of a list could not be read.
    """
    reading = Reading(raw)
    problems = [*reading.problems, *_broken_rules(reading)]
    if strict or reading.settings.strict is True:
        problems = [_hardened(problem) for problem in problems]
    order = {section: position for position, section in enumerate(raw)}
    problems.sort(key=lambda problem: _position(problem, order))
    failed = any(problem.severity is Severity.ERROR for problem in problems)
    return Validated(None if failed else reading.settings, tuple(dict.fromkeys(problems)))


def _broken_rules(reading: Reading) -> Iterator[Problem]:
    for rule_set in RULE_SETS:
        for at, subject in _subjects(reading, rule_set):
            for rule in rule_set.rules:
                try:
                    for problem in rule.run(at, subject):
                        found = problem if at else _renumbered(problem, reading)
                        misled = not at and reading.incomplete - {_section(found.path)}
                        misled = bool(misled) or reading.is_misled(found.path)
                        if not misled and not reading.is_put_back(found.path):
                            yield found
                except Exception:
                    # A rule that stumbles over a section that could not be read has nothing to say.
                    if not reading.unread:
                        raise


def _subjects(reading: Reading, rule_set: RuleSet) -> Iterator[tuple[str, Any]]:
    """What a rule set guards, with its path: the whole settings, one section, or each element of a list section."""
    subject: Any = reading.settings
    for part in filter(None, rule_set.section.split(".")):
        subject = getattr(subject, _snake(part))
        if subject is None or isinstance(subject, Unread):
            return
    if not isinstance(subject, list):
        yield rule_set.section, subject
        return
    for position, element in enumerate(subject):
        yield f"{rule_set.section}[{reading.index(rule_set.section, position)}]", element


def _renumbered(problem: Problem, reading: Reading) -> Problem:
    """The problem of a rule over the whole settings, whose indices leave out the elements that could not be read."""
    match = re.match(r"^(\w+)\[(\d+)\]", problem.path)
    if match is None:
        return problem
    index = reading.index(match[1], int(match[2]))
    return replace(problem, path=f"{match[1]}[{index}]{problem.path[match.end() :]}")


def _hardened(problem: Problem) -> Problem:
    return replace(problem, severity=Severity.ERROR) if problem.severity is Severity.WARNING else problem


def _position(problem: Problem, order: Mapping[str, int]) -> tuple[int, int]:
    section = _section(problem.path)
    return list(Severity).index(problem.severity), order.get(section, len(order))


def _section(path: str) -> str:
    return re.split(r"[.\[]", path)[0]


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda match: f"_{match[1].lower()}", name)
