"""The checks' registry: small named functions with a stable id, their runbook page, and what they read.

    @check("groups.pending", page="pending-pods.md", reads=("pod", "node"))
    def a_group_has_no_node(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
        yield Symptom("group 0 of deepseek-r1", "1 of 2 pods has no node: ...", "let a node join pool p5")

A check says nothing about what it could not read: `examine` lists it as not looked at, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from components.rules import Severity
from infra.doctor.expected import Expected
from infra.doctor.observed import Cluster

RUNBOOKS: Final = "docs/runbooks"
"""Folder of the pages, from the repository's root."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a check saw. `page` and `severity` are given where they are not those of the check."""

    about: str
    message: str
    fix: str
    page: str = ""
    severity: Severity | None = None


Body = Callable[[Expected, Cluster], Iterator[Symptom]]


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `reads` are the kinds that it needs, as `kubectl` calls them."""

    id: str
    page: str
    reads: tuple[str, ...]
    severity: Severity
    body: Body

    @property
    def summary(self) -> str:
        """What it looks for: the first line of its docstring, or its name in words."""
        doc = (self.body.__doc__ or "").strip().split("\n")[0]
        return doc or str(getattr(self.body, "__name__", self.id)).replace("_", " ")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A symptom with all that a reader needs; `page` is a path from the repository's root."""

    check: str
    severity: Severity
    about: str
    message: str
    fix: str
    page: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What the checks found, worst first, and which of them had nothing to look at, with the reason."""

    diagnoses: tuple[Diagnosis, ...]
    passed: tuple[str, ...]
    blind: dict[str, str]

    @property
    def errors(self) -> tuple[Diagnosis, ...]:
        """What does not work."""
        return tuple(each for each in self.diagnoses if each.severity is Severity.ERROR)


CHECKS: list[Check] = []
"""Every check, in the order in which `infra.doctor.checks` names its modules."""


def check(id: str, *, page: str, reads: tuple[str, ...], severity: Severity = Severity.ERROR) -> Callable[[Body], Body]:
    """Register the decorated generator function under a stable id."""

    def register(body: Body) -> Body:
        if any(known.id == id for known in CHECKS):
            raise ValueError(f"two checks are called {id}")
        CHECKS.append(Check(id, page, reads, severity, body))
        return body

    return register


def examine(expected: Expected, cluster: Cluster, checks: Iterable[Check]) -> Examination:
    """Run the checks over one reading of the cluster."""
    diagnoses: list[Diagnosis] = []
    passed: list[str] = []
    blind: dict[str, str] = {}
    for each in checks:
        if missing := [kind for kind in each.reads if kind in cluster.unread]:
            blind[each.id] = f"{missing[0]}: {cluster.unread[missing[0]]}"
            continue
        found = [_diagnosis(each, symptom) for symptom in each.body(expected, cluster)]
        diagnoses += found
        if not any(one.severity is not Severity.ADVICE for one in found):
            passed.append(each.id)
    order = list(Severity)
    diagnoses.sort(key=lambda one: order.index(one.severity))
    return Examination(tuple(dict.fromkeys(diagnoses)), tuple(passed), blind)


def _diagnosis(of: Check, symptom: Symptom) -> Diagnosis:
    return Diagnosis(
        check=of.id,
        severity=symptom.severity or of.severity,
        about=symptom.about,
        message=symptom.message,
        fix=symptom.fix,
        page=f"{RUNBOOKS}/{symptom.page or of.page}",
    )
