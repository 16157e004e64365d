"""The layouts that a model may have, as text and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from infra.report.columns import laid_out
from infra.report.figures import TIMES, count, gib, listed
from infra.report.tables import Table

if TYPE_CHECKING:
    from rich.console import Console

    from components.facts.instances import Instance
    from components.facts.model_facts import ModelFacts
    from components.serving.layouts import Layout
    from components.serving.settings import ModelSettings

MOST_ROWS = 20
"""Rows of a table of text; JSON has all."""
MOST_NAMES = 4
"""Layouts that are named beside the reason that they share."""
ORDER = "fewest GPUs, then nodes, no tensor ranks over TCP, fewest pipeline stages, most KV cache"
"""How `components.serving.layouts` ranks those that fit."""


def layouts_json(layouts: Sequence[Layout]) -> dict[str, Any]:
    """The layouts in their order. `reason` is empty where a layout fits; `kvTokens` is per data-parallel rank."""
    return {"layouts": [_layout_json(layout) for layout in layouts]}


def _layout_json(layout: Layout) -> dict[str, Any]:
    ranks, sizing = layout.ranks, layout.sizing
    return {
        "nodes": layout.nodes,
        "tensor": ranks.tensor,
        "pipeline": ranks.pipeline,
        "data": ranks.data,
        "dpAttention": ranks.dp_attention,
        "expert": ranks.expert,
        "fits": sizing.fits,
        "reason": sizing.reason,
        "weightsGiBPerGpu": round(sizing.weights_gib_per_gpu, 3),
        "kvTokens": sizing.kv_tokens,
        "maxContext": layout.max_context,
        "maxRunningRequests": sizing.max_running_requests,
        "memFractionStatic": sizing.mem_fraction_static,
    }


def print_layouts(
    console: Console,
    layouts: Sequence[Layout],
    settings: ModelSettings,
    facts: ModelFacts,
    node: Instance,
    *,
    most_nodes: int,
) -> None:
    """What was asked for, the layouts that fit, and why the others do not; `most_nodes` is how far a fit was sought.

    Layouts that differ in their expert degree alone share a row.
    """
    fitting = [layout for layout in layouts if layout.sizing.fits]
    losing = [layout for layout in layouts if not layout.sizing.fits]
    console.out(headline(settings, facts, node), style="bold", highlight=False)
    console.out(_verdict(len(fitting), layouts, most_nodes), highlight=False)
    for table in (_fitting(fitting), _losing(losing)):
        if table.rows:
            _print(console, table)


def headline(settings: ModelSettings, facts: ModelFacts, node: Instance) -> str:
    """What was sized: model, type, release, context."""
    gpu = f"{node.gpus} {TIMES} {node.gpu.name}, {gib(node.gpu.memory_gib)} each" if node.gpu else "no GPUs"
    context = settings.context_length or facts.context_length
    return f"{facts.id} on {node.name} ({gpu}), SGLang {settings.engine.version}, requests of {context:,} tokens"


def _verdict(fitting: int, layouts: Sequence[Layout], most_nodes: int) -> str:
    found = count(len(layouts), "layout")
    if fitting:
        return f"{fitting} of {found} fit; best first: {ORDER}"
    shown = max(layout.nodes for layout in layouts)
    further = f", nor does any on up to {count(most_nodes, 'node')}" if most_nodes > shown else ""
    return f"none of {found} on {count(shown, 'node')} fits{further}"


def _fitting(layouts: Sequence[Layout]) -> Table:
    rows = []
    for alike in _alike(layouts):
        first, sizing = alike[0], alike[0].sizing
        rows.append(
            (
                str(first.nodes),
                str(first.gpus),
                _ranks(first),
                _expert(alike),
                gib(sizing.weights_gib_per_gpu),
                f"{sizing.mem_fraction_static:.3f}",
                f"{sizing.kv_tokens:,}" + (f" {TIMES} {first.ranks.data}" if first.ranks.data > 1 else ""),
                f"{first.max_context:,}",
                str(sizing.max_running_requests),
            )
        )
    columns = ("nodes", "GPUs", "ranks", "expert", "weights/GPU", "static share", "KV tokens", "context", "requests")
    return Table("Fits", columns, tuple(rows[:MOST_ROWS]), _more(rows, "layout"))


def _losing(layouts: Sequence[Layout]) -> Table:
    """One row for each reason, the closest layout first."""
    by_reason: dict[tuple[int, str], list[Layout]] = defaultdict(list)
    for layout in layouts:
        by_reason[layout.nodes, layout.sizing.reason].append(layout)
    rows = [
        (str(nodes), listed([_named(alike) for alike in _alike(losers)], MOST_NAMES), reason)
        for (nodes, reason), losers in by_reason.items()
    ]
    return Table("Does not fit", ("nodes", "ranks", "why"), tuple(rows[:MOST_ROWS]), _more(rows, "reason"))


def _more(rows: Sequence[object], what: str) -> tuple[str, ...]:
    left = len(rows) - MOST_ROWS
    return (f"{count(left, f'{what} more', f'{what}s more')}: --json has all.",) if left > 0 else ()


def _alike(layouts: Sequence[Layout]) -> Iterator[list[Layout]]:
    """Layouts that differ in their expert degree alone, together, in the place of the first of them."""
    found: dict[tuple[object, ...], list[Layout]] = defaultdict(list)
    for layout in layouts:
        ranks = layout.ranks
        found[layout.nodes, ranks.tensor, ranks.pipeline, ranks.data, ranks.dp_attention].append(layout)
    yield from found.values()


def _named(alike: Sequence[Layout]) -> str:
    expert = _expert(alike)
    return _ranks(alike[0]) + (f" {TIMES} expert {expert}" if expert != "1" else "")


def _ranks(layout: Layout) -> str:
    """`tensor 8 x pipeline 2`, degrees of one left out except tensor's. "attention data" is data-parallel attention."""
    ranks = layout.ranks
    parts = [f"tensor {ranks.tensor}"]
    if ranks.pipeline > 1:
        parts.append(f"pipeline {ranks.pipeline}")
    if ranks.data > 1:
        parts.append(f"{'attention ' if ranks.dp_attention else ''}data {ranks.data}")
    return f" {TIMES} ".join(parts)


def _expert(alike: Sequence[Layout]) -> str:
    return "/".join(str(layout.ranks.expert) for layout in alike)


def _print(console: Console, table: Table) -> None:
    head, *rows = laid_out(table, console.width)
    console.print()
    console.out(table.title, style="bold", highlight=False)
    console.out(head, style="dim", highlight=False)
    console.out("\n".join(rows), highlight=False)
    for remark in table.remarks:
        console.out(remark, style="dim", highlight=False)
