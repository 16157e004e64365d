"""The command itself: its sub-commands, in the order in which a user meets them."""

from __future__ import annotations

import typer

from infra.cli.advise import advise
from infra.cli.chart import chart
from infra.cli.crds import crds
from infra.cli.diff import diff
from infra.cli.doctor import doctor
from infra.cli.graph import graph
from infra.cli.pin import pin
from infra.cli.preview import preview
from infra.cli.render import render
from infra.cli.schema import schema
from infra.cli.size import size
from infra.cli.validate import validate

app = typer.Typer(
    name="sglang-hyperpod",
    help="SGLang across nodes on SageMaker HyperPod and EKS: check a stack on this machine, without an AWS account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (preview, diff, validate, doctor, render, graph, schema, crds, chart, pin, size, advise):
    app.command()(command)
