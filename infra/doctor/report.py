"""How an examination is shown: text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.rules import Severity
from components.words import count
from infra.doctor.check import RUNBOOKS, Diagnosis, Examination
from infra.report.problems import STYLES

if TYPE_CHECKING:
    from rich.console import Console

    from infra.doctor.answer import Answer
    from infra.doctor.observed import Cluster


def summary(examination: Examination) -> str:
    """`2 errors, 1 warning`, or `nothing found`."""
    parts = []
    for severity in Severity:
        number = sum(one.severity is severity for one in examination.diagnoses)
        if number:
            parts.append(f"{number} advice" if severity is Severity.ADVICE else count(number, str(severity)))
    return ", ".join(parts) or "nothing found"


def print_examination(console: Console, cluster: Cluster, examination: Examination) -> None:
    """One paragraph per finding, worst first, each with its page; then what could not be looked at, and the counts."""
    from rich.markup import escape

    for one in examination.diagnoses:
        style = STYLES[one.severity]
        console.print(
            f"[{style}]{one.severity}[/{style}] [bold]{escape(one.about)}[/bold]: {escape(one.message)}\n"
            f"    {escape(one.fix)}\n    [dim]{escape(one.page)} ({escape(one.check)})[/dim]",
            soft_wrap=True,
        )
    for check, reason in examination.blind.items():
        console.print(f"[dim]not looked at: {escape(check)}: {escape(reason)}[/dim]", soft_wrap=True)
    looked = f"{count(len(cluster.nodes), 'node')}, {count(len(cluster.pods), 'pod')}, Kubernetes {cluster.version}"
    console.print(f"{looked}: {summary(examination)}; {count(len(examination.passed), 'check')} found nothing wrong")


def as_json(stack: str, cluster: Cluster, examination: Examination, answers: list[Answer]) -> dict[str, Any]:
    """The examination as JSON; `healthy` says that nothing is an error."""
    return {
        "stack": stack,
        "kubernetes": cluster.version,
        "healthy": not examination.errors,
        "findings": [diagnosis_json(one) for one in examination.diagnoses],
        "passed": list(examination.passed),
        "notLookedAt": examination.blind,
        **({"checklist": answers_json(answers)} if answers else {}),
    }


def diagnosis_json(one: Diagnosis) -> dict[str, str]:
    """One finding as JSON."""
    return {
        "check": one.check,
        "severity": str(one.severity),
        "about": one.about,
        "message": one.message,
        "fix": one.fix,
        "page": one.page,
    }


def answers_json(answers: list[Answer]) -> list[dict[str, str]]:
    """A checklist as JSON."""
    return [{"item": one.item, "state": str(one.state), "detail": one.detail} for one in answers]


def print_answers(console: Console, answers: list[Answer]) -> None:
    """A checklist: `[x]` what holds, `[!]` what does not, `[ ]` what is to be looked at by hand, with how."""
    from rich.markup import escape

    from infra.doctor.answer import State

    marks = {State.HOLDS: "[x]", State.FAILS: "[!]", State.BY_HAND: "[ ]"}
    for one in answers:
        console.print(escape(f"{marks[one.state]} {one.item}"), soft_wrap=True)
        if one.detail:
            console.print(f"    [dim]{escape(one.detail)}[/dim]", soft_wrap=True)
    by_hand = sum(one.state is State.BY_HAND for one in answers)
    fails = sum(one.state is State.FAILS for one in answers)
    rest = f"; {RUNBOOKS}/README.md tells what to do where one does not hold" if fails else ""
    console.print(f"{count(len(answers), 'item')}: {fails} not as it should be, {by_hand} to be done by hand{rest}")
