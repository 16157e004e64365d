"""The preview for a terminal, or plain where it is piped."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from infra.report.columns import laid_out
from infra.report.figures import count, minutes, money
from infra.report.model import Preview
from infra.report.problems import print_problems
from infra.report.tables import Table, tables_of


def print_preview(console: Console, preview: Preview) -> None:
    """Headline, every section, and the warnings last, where they are seen."""
    console.print(f"[bold]{escape(headline(preview))}[/bold]", soft_wrap=True)
    for line in support(preview):
        console.print(escape(line), soft_wrap=True)
    for table in tables_of(preview):
        console.print()
        _print_table(console, table)
    for level, text in preview.messages:
        console.print(f"{level}: {escape(text)}", soft_wrap=True)
    console.print()
    print_problems(console, preview.file, preview.problems)


def headline(preview: Preview) -> str:
    """One line: stack, place, GPUs, cost, time."""
    plan = preview.plan
    cost = f"{money(plan.cost.hourly, plan.cost.currency)}/h known" if plan.cost.hourly else "cost unknown"
    kind = "HyperPod on EKS" if plan.hyperpod else "EKS managed nodes"
    return (
        f"{preview.title}: {plan.settings.cluster.name} in {plan.settings.region} ({kind}), "
        f"{count(len(preview.created), 'resource')}, {count(plan.gpus, 'GPU')}, {cost}, "
        f"{minutes(preview.order.minutes)} or more to create"
    )


def support(preview: Preview) -> Iterator[str]:
    """How long the Kubernetes version is supported, and what comes after."""
    plan = preview.plan
    version = plan.version
    after = (
        "then EKS upgrades by itself" if plan.settings.cluster.support_policy == "STANDARD" else "then for a surcharge"
    )
    yield (
        f"Kubernetes {version.name}: standard support until {version.standard_support_ends}, {after}"
        + (f" until {version.extended_support_ends}" if "surcharge" in after else "")
    )


def _print_table(console: Console, table: Table) -> None:
    head, *rows = laid_out(table, console.width)
    console.out(table.title, style="bold", highlight=False)
    console.out(head, style="dim", highlight=False)
    console.out("\n".join(rows), highlight=False)
    for remark in table.remarks:
        console.out(remark, style="dim", highlight=False)
