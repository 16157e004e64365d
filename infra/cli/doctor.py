"""`doctor`: what is wrong in a live cluster, worst first, each with its runbook page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.console import PROBLEMS, err, fail, out, step
from infra.cli.options import Config, Stack
from infra.cli.source import Source, previewed

if TYPE_CHECKING:
    from infra.doctor.answer import Answer
    from infra.doctor.check import Examination
    from infra.doctor.expected import Expected
    from infra.doctor.kubectl import Kubectl
    from infra.doctor.metrics import Metrics
    from infra.doctor.observed import Cluster

UNHEALTHY = 1
"""Exit status where something does not work; 2 is for settings with errors and for a cluster that cannot be asked."""


def doctor(
    stack: Stack = None,
    config: Config = None,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig; without it the one kubectl takes.")
    ] = None,
    context: Annotated[
        str | None, typer.Option("--context", metavar="NAME", help="Context in it; without it the current one.")
    ] = None,
    checklist: Annotated[
        str | None,
        typer.Option("--checklist", metavar="pre|post|perf", help="Walk a checklist; `pre` needs no cluster."),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            "--prometheus",
            metavar="URL",
            help="Prometheus for `--checklist perf`, e.g. of a port-forward; without it through the API server.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Hold a live cluster against the stack's plan: it reads through kubectl, and changes nothing.

    Exit status 0 where everything works (warnings and advice included), 1 where something does not, 2 where the
    settings have errors or no cluster can be asked.
    """
    from infra.doctor.checklist import Phase
    from infra.doctor.expected import Expected
    from infra.doctor.kubectl import Kubectl, run

    phase = _phase(checklist, [str(each) for each in Phase])
    source = Source.of(stack, config)
    shown = previewed(source)
    expected = Expected.of(shown.plan, shown.recording)
    if phase == Phase.PRE:
        from infra.doctor.checklist import before

        _show_answers(before(expected), source.stack, as_json=as_json)
        return
    kubectl = Kubectl(kubeconfig, context, run)
    metrics = _metrics(prometheus, expected, kubectl)
    cluster, examination = _examined(expected, kubectl)
    answers = _answers(phase, expected, examination, metrics)
    _show(source.stack, cluster, examination, answers, as_json=as_json)
    if examination.errors:
        raise typer.Exit(UNHEALTHY)


def _phase(given: str | None, known: list[str]) -> str | None:
    if given is not None and given not in known:
        fail(f"--checklist {given} is none; there are {', '.join(known)}")
    return given


def _metrics(prometheus: str | None, expected: Expected, kubectl: Kubectl) -> Metrics | None:
    from infra.doctor.metrics import at_address, through_api_server

    if prometheus is None:
        return through_api_server(kubectl) if expected.plan.settings.monitoring.enabled else None
    try:
        return at_address(prometheus)
    except ValueError as error:
        return fail(f"--prometheus {error}")


def _examined(expected: Expected, kubectl: Kubectl) -> tuple[Cluster, Examination]:
    from rich.markup import escape

    from infra.doctor.check import examine
    from infra.doctor.checks import CHECKS
    from infra.doctor.kubectl import NoClusterError
    from infra.doctor.reader import read

    try:
        with step("reading the cluster"):
            cluster = read(kubectl, expected)
    except NoClusterError as error:
        err().print(
            f"[red]no cluster to look at[/red]: {escape(str(error))}\n"
            "    `aws eks update-kubeconfig --name CLUSTER --region REGION` makes a kubeconfig; "
            "`doctor --checklist pre` and `preview` need no cluster",
            soft_wrap=True,
        )
        raise typer.Exit(PROBLEMS) from None
    return cluster, examine(expected, cluster, CHECKS)


def _answers(phase: str | None, expected: Expected, examination: Examination, metrics: Metrics | None) -> list[Answer]:
    from infra.doctor.checklist import Phase, after, under_load

    if phase == Phase.POST:
        return after(expected, examination)
    return under_load(expected, examination, metrics) if phase == Phase.PERF else []


def _show(stack: str, cluster: Cluster, examination: Examination, answers: list[Answer], *, as_json: bool) -> None:
    from infra.doctor import report

    if as_json:
        out().print_json(data=report.as_json(stack, cluster, examination, answers))
    elif answers:
        report.print_answers(out(), answers)
    else:
        report.print_examination(out(), cluster, examination)


def _show_answers(answers: list[Answer], stack: str, *, as_json: bool) -> None:
    from infra.doctor import report

    if as_json:
        out().print_json(data={"stack": stack, "checklist": report.answers_json(answers)})
    else:
        report.print_answers(out(), answers)
