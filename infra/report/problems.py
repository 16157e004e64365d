"""How problems and rules are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from components.rules import Problem, Severity

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}


def print_problems(console: Console, file: str, problems: Sequence[Problem]) -> None:
    """One paragraph per problem: severity, path, what is wrong, what would be right, the rule's id; then the counts."""
    from rich.markup import escape

    for problem in problems:
        style = STYLES[problem.severity]
        console.print(
            f"[{style}]{problem.severity}[/{style}] [bold]{escape(problem.path or file)}[/bold]: "
            f"{escape(problem.message)}\n    {escape(problem.fix)} [dim]({escape(problem.rule)})[/dim]",
            soft_wrap=True,
        )
    console.print(f"{escape(file)}: {summary(problems)}", soft_wrap=True)


def summary(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    parts = []
    for severity in Severity:
        number = sum(problem.severity is severity for problem in problems)
        noun = "advice" if severity is Severity.ADVICE else f"{severity}{'' if number == 1 else 's'}"
        if number:
            parts.append(f"{number} {noun}")
    return ", ".join(parts) or "no problems"


def as_json(file: str, problems: Sequence[Problem]) -> dict[str, Any]:
    """The problems as JSON: `file`, `valid`, `problems`."""
    return {
        "file": file,
        "valid": not any(problem.severity is Severity.ERROR for problem in problems),
        "problems": [problem_json(problem) for problem in problems],
    }


def problem_json(problem: Problem) -> dict[str, str]:
    """One problem as JSON."""
    return {
        "severity": str(problem.severity),
        "path": problem.path,
        "message": problem.message,
        "fix": problem.fix,
        "rule": problem.rule,
    }


def print_rules(console: Console, *, as_json: bool) -> None:
    """Every rule of the settings and every policy: id, severity, what it guards and checks, where it comes from."""
    from infra.policy.run import CHECKS
    from infra.rules import RULE_SETS

    policies = [
        {
            "id": f"policy.{check.id}",
            "severity": str(check.level),
            "section": "resources",
            "summary": check.summary,
            "source": check.source,
        }
        for check in CHECKS
    ]
    rows = [
        {
            "id": rule.id,
            "severity": str(rule.severity),
            "section": rule_set.section,
            "summary": rule.summary,
            "source": rule.source,
        }
        for rule_set in RULE_SETS
        for rule in rule_set.rules
    ] + policies
    rows.sort(key=lambda row: row["id"])
    if as_json:
        console.print_json(data=rows)
        return
    from rich.markup import escape

    for row in rows:
        section = row["section"] or "across sections"
        console.print(f"[bold]{escape(row['id'])}[/bold] ({row['severity']}, {section})", soft_wrap=True)
        console.print(f"    {escape(row['summary'])}\n    [dim]{escape(row['source'])}[/dim]", soft_wrap=True)
