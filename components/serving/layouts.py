"""Every layout of a model on nodes of one type, best first. Pure.

The layouts come from the arithmetic of GPUs, and nothing is judged here: the rules of a stack file say which of them
may be, and sizing says which of those fit, so that what is offered here passes there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.serving.layout.rules import (
    data_parallel_attention_has_ranks,
    groups_of_several_nodes_share_none,
    plain_data_parallelism_stays_on_one_node,
    stages_and_nodes_divide_each_other,
)
from components.serving.layout.settings import PackingSettings, ParallelismSettings
from components.serving.lookup import facts_of, ranks_of, size_model
from components.serving.placement import gpus_per_pod

if TYPE_CHECKING:
    from components.facts.instances import Gpu, Instance
    from components.facts.model_facts import ModelFacts
    from components.serving.memory.ranks import Ranks
    from components.serving.settings import ModelSettings
    from components.serving.sizing import Sizing

MOST_NODES: Final = 16
"""Nodes up to which a fit is looked for where their number is not given."""

_STRUCTURE: Final = (
    plain_data_parallelism_stays_on_one_node,
    data_parallel_attention_has_ranks,
    stages_and_nodes_divide_each_other,
    groups_of_several_nodes_share_none,
)
"""Rules that look at ranks and nodes alone: what breaks one is no layout of any model."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to spread a group. `gpus_per_pod` are the GPUs of each of its nodes; fewer than all means packing.

    `max_context` is the longest request in tokens: the least of the model's own context and the KV cache of a
    data-parallel rank, whatever context was asked for.
    """

    nodes: int
    gpus_per_pod: int
    ranks: Ranks
    sizing: Sizing
    max_context: int

    @property
    def gpus(self) -> int:
        """GPUs of the group."""
        return self.nodes * self.gpus_per_pod

    @property
    def group_kv_tokens(self) -> int:
        """Tokens of KV cache of all data-parallel ranks."""
        return self.sizing.kv_tokens * self.ranks.data


def layouts(
    model: ModelSettings, node: Instance, *, nodes: int | None = None, tensor: int | None = None
) -> list[Layout]:
    """Layouts of one group of `model` on nodes of a type, those that fit first, each part best first.

    `model` says what is asked for (context, memory fraction, KV type, quantization, release); its own ranks, nodes and
    packing are not read. A group of several nodes takes them whole, a group of one node also a divisor of its GPUs.
    `nodes` and `tensor` leave only layouts of that many nodes or tensor ranks. Without `nodes` their number grows from
    one until a layout fits, to `MOST_NODES` at most; where none of them is enough, only the least number is listed.

    Layouts that fit are ranked by, in this order:

    1. GPUs, then nodes, fewest first: what a replica costs.
    2. Tensor ranks that cross nodes without RDMA last: they exchange activations in every layer.
    3. Pipeline stages, fewest first: each adds to the time of a token.
    4. KV tokens of the whole group, most first: how much it serves at once. Then the longest context.
    5. The plainer one: without data-parallel attention, with fewer data and expert ranks.

    The others follow, the closest to a fit first: most KV tokens, then least weights per GPU. `sizing.reason` says why
    each lost. Raises ValueError for a model that is not known, a node without GPUs, and a KV type or quantization that
    is not sized.
    """
    facts = facts_of(model)
    if facts is None:
        raise ValueError(f"the numbers of {model.model} are not known")
    if node.gpu is None:
        raise ValueError(f"{node.name} has no GPUs")
    tried: list[list[Layout]] = []
    for count in (nodes,) if nodes else range(1, MOST_NODES + 1):
        tried.append(list(_sized(model, facts, node, node.gpu, nodes=count, tensor=tensor)))
        if any(layout.sizing.fits for layout in tried[-1]):
            listed = itertools.chain.from_iterable(tried)
            break
    else:
        listed = next(filter(None, tried), [])
    return sorted(listed, key=lambda layout: _place(layout, node))


def _place(layout: Layout, node: Instance) -> tuple[Any, ...]:
    """Where a layout comes in the list; the docstring of `layouts` gives the reasons."""
    ranks, sizing = layout.ranks, layout.sizing
    plainness = (ranks.dp_attention, ranks.data, ranks.expert, ranks.tensor)
    if not sizing.fits:
        return (True, -sizing.kv_tokens, sizing.weights_gib_per_gpu, layout.gpus, ranks.pipeline, *plainness)
    slow = layout.nodes > ranks.pipeline and not node.rdma
    tokens = (-layout.group_kv_tokens, -layout.max_context)
    return (False, layout.gpus, layout.nodes, slow, ranks.pipeline, *tokens, *plainness)


def _sized(
    model: ModelSettings, facts: ModelFacts, node: Instance, gpu: Gpu, *, nodes: int, tensor: int | None
) -> Iterator[Layout]:
    """Every layout of a group of `nodes` nodes."""
    for per_pod in divisors(node.gpus) if nodes == 1 else (node.gpus,):
        packing = PackingSettings(gpus_per_pod=per_pod) if per_pod < node.gpus else None
        for parallelism in _parallelisms(nodes * per_pod, moe=facts.moe):
            if tensor not in (None, parallelism.tensor):
                continue
            laid = model.model_copy(
                update={"nodes_per_group": nodes, "packing": packing, "parallelism": parallelism, "replicas": 1}
            )
            if any(finding for rule in _STRUCTURE for finding in rule(laid)):
                continue
            sizing = size_model(laid, facts, gpu)
            longest = min(facts.context_length, sizing.kv_tokens)
            yield Layout(nodes, gpus_per_pod(laid, node), ranks_of(laid), sizing, longest)


def _parallelisms(gpus: int, *, moe: bool) -> Iterator[ParallelismSettings]:
    """Ranks that take exactly `gpus` GPUs; data-parallel attention divides the tensor ranks and takes none itself."""
    for tensor in divisors(gpus):
        experts = divisors(tensor) if moe else [1]
        for pipeline in divisors(gpus // tensor):
            data = gpus // tensor // pipeline
            shared = [(count, True) for count in divisors(tensor) if count > 1] if data == 1 else []
            for count, attention in [(data, False), *shared]:
                for expert in experts:
                    yield ParallelismSettings(
                        tensor=tensor, pipeline=pipeline, data=count, dp_attention=attention, expert=expert
                    )


def divisors(number: int) -> list[int]:
    """Every divisor, least first."""
    return [count for count in range(1, number + 1) if number % count == 0]
