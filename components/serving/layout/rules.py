"""Rules of a layout that need the model alone; those that need its nodes are in `infra.rules.serving`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from components.facts.engines import at_least
from components.rules import Finding, Severity
from components.serving.lookup import all_to_all, argument, asked_at, effective_recipe, facts_of, ranks_of
from components.serving.memory.divisibility import indivisible
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_TENSORS = (1, 2, 4, 8, 16, 32)
"""Degrees of tensor parallelism that are offered where another one does not divide the model."""
_MIXED_STAGES_SINCE = "0.5.13.post1"
"""Since then `check_server_args` lets stages have mixed chunks."""


@rules.rule("layout.data-nodes", source="sglang 0.5.8 server_args.py:4816")
def plain_data_parallelism_stays_on_one_node(model: ModelSettings) -> Iterator[Finding]:
    """Without data-parallel attention, copies of a model do not spread over nodes."""
    ranks = model.parallelism
    if ranks.data > 1 and not ranks.dp_attention and model.nodes_per_group > 1:
        yield Finding(
            "parallelism.data",
            f"data {ranks.data} without dpAttention cannot cross the group's {model.nodes_per_group} nodes",
            f"use replicas: {model.replicas * ranks.data} groups instead, or dpAttention: true",
        )


@rules.rule("layout.dp-attention", source="sglang 0.5.8 server_args.py:1928")
def data_parallel_attention_has_ranks(model: ModelSettings) -> Iterator[Finding]:
    """Data-parallel attention with one data rank is silently off."""
    ranks = model.parallelism
    if ranks.dp_attention and ranks.data == 1:
        yield Finding(
            "parallelism.dpAttention",
            "dpAttention with data 1 is silently off",
            f"set parallelism.data, e.g. {ranks.tensor}, or remove dpAttention",
        )


@rules.rule("layout.stages", source="sglang 0.5.8 entrypoints/engine.py:878")
def stages_and_nodes_divide_each_other(model: ModelSettings) -> Iterator[Finding]:
    """Pipeline stages are whole nodes, or nodes hold whole stages."""
    stages, nodes = model.parallelism.pipeline, model.nodes_per_group
    if stages % nodes and nodes % stages:
        yield Finding(
            "parallelism.pipeline",
            f"{stages} pipeline stages and {nodes} nodes do not divide each other",
            f"use pipeline: {nodes}, a divisor or a multiple of it",
        )


@rules.rule("layout.divisible", source="sglang 0.5.8 models/llama.py:139-150, layers/quantization/fp8.py:641-660")
def tensors_divide_over_the_ranks(model: ModelSettings) -> Iterator[Finding]:
    """Heads, experts and quantization blocks come out even on every rank."""
    facts, recipe = facts_of(model), effective_recipe(model)
    if facts is None or recipe is None:
        return
    redundant = argument(model, "ep-num-redundant-experts")
    spares = redundant if isinstance(redundant, int) else 0
    ranks = ranks_of(model)
    reasons = [reason.partition("; ") for reason in indivisible(facts, recipe, ranks, redundant_experts=spares)]
    if not reasons:
        return
    # What an odd number of ranks breaks is one mistake, however many tensors it cuts.
    message = "; ".join(text for text, _, _ in reasons)
    remedies = list(dict.fromkeys(remedy for _, _, remedy in reasons if remedy))
    able = [
        tensor
        for tensor in _TENSORS
        if tensor <= 2 * ranks.tensor
        and not any(indivisible(facts, recipe, replace(ranks, tensor=tensor), redundant_experts=spares))
    ]
    fitting = f"use tensor: {' or '.join(map(str, able))}" if able and len(reasons) > 1 else ""
    yield Finding("parallelism", message, fitting or "; ".join(remedies) or "choose ranks that divide them")


@rules.rule("layout.all-to-all", source="sglang 0.5.8 server_args.py:1985-2002")
def an_all_to_all_backend_makes_every_rank_an_expert_rank(model: ModelSettings) -> Iterator[Finding]:
    """With an all-to-all backend the engine sets expert to tensor, whatever it is told."""
    backend, ranks = argument(model, "moe-a2a-backend"), model.parallelism
    if all_to_all(model) and ranks.expert != ranks.tensor:
        yield Finding(
            "parallelism.expert",
            f"moe-a2a-backend {backend} makes expert parallelism {ranks.tensor}, not {ranks.expert}",
            f"set expert: {ranks.tensor}",
        )


@rules.rule("layout.pipeline-features", source="sglang 0.5.8 server_args.py:4809-4814")
def a_pipeline_excludes_some_features(model: ModelSettings) -> Iterator[Finding]:
    """Pipeline stages go with no speculative decoding, and in 0.5.8 with no mixed chunks."""
    if model.parallelism.pipeline == 1:
        return
    mixed = () if at_least(model.engine.version, _MIXED_STAGES_SINCE) else ("enable-mixed-chunk",)
    for name in ("speculative-algorithm", *mixed):
        path, value = asked_at(model, name) or ("", None)
        if value not in (None, False):
            yield Finding(
                path,
                f"--{name} does not work with pipeline {model.parallelism.pipeline}",
                "remove it, or use pipeline: 1",
            )


@rules.rule("layout.expert-balance", source="sglang 0.5.8 server_args.py:2020")
def balancing_experts_needs_expert_ranks(model: ModelSettings) -> Iterator[Finding]:
    """EPLB moves experts between expert ranks, so that there must be several."""
    path, balanced = asked_at(model, "enable-eplb") or ("", None)
    if balanced is True and not all_to_all(model) and model.parallelism.expert == 1:
        yield Finding(
            path,
            "enable-eplb has nothing to balance with expert 1",
            f"set parallelism.expert, e.g. {model.parallelism.tensor}, or remove it",
        )


@rules.rule("layout.dp-head", source="sglang 0.5.8 server_args.py:1942")
def a_data_parallel_head_needs_data_parallel_attention(model: ModelSettings) -> Iterator[Finding]:
    """A data-parallel output head comes only with data-parallel attention."""
    path, split = asked_at(model, "enable-dp-lm-head") or ("", None)
    if split is True and not model.parallelism.dp_attention:
        yield Finding(
            path,
            "enable-dp-lm-head needs data-parallel attention",
            "set parallelism.dpAttention: true and parallelism.data, or remove it",
        )


@rules.rule("layout.packing-nodes", source="whole nodes, for their EFA interfaces and bandwidth")
def groups_of_several_nodes_share_none(model: ModelSettings) -> Iterator[Finding]:
    """Packing is for groups of one node."""
    if model.packing and model.nodes_per_group > 1:
        yield Finding(
            "packing",
            f"a group of {model.nodes_per_group} nodes takes whole nodes",
            "remove packing, or use nodesPerGroup: 1",
        )


@rules.rule(
    "layout.kv-copies",
    source="sglang 0.5.8 models/llama.py:139-150",
    severity=Severity.ADVICE,
)
def tensor_ranks_beyond_the_kv_heads_store_copies(model: ModelSettings) -> Iterator[Finding]:
    """More tensor ranks than KV heads hold the same KV cache twice."""
    facts, ranks = facts_of(model), model.parallelism
    if facts and facts.mla is None and not ranks.dp_attention and ranks.tensor > facts.kv_heads:
        yield Finding(
            "parallelism.tensor",
            f"tensor {ranks.tensor} stores each of {facts.kv_heads} KV heads {ranks.tensor // facts.kv_heads} times",
            f"use tensor: {facts.kv_heads} and more replicas, or dpAttention",
        )


def context_beyond(model: ModelSettings) -> int | None:
    """The model's own longest context, where the settings ask for a longer one without saying that they mean it."""
    facts = facts_of(model)
    allowed = model.environment.get("SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN") == "1"
    if facts and model.context_length and model.context_length > facts.context_length and not allowed:
        return facts.context_length
    return None


@rules.rule("layout.context", source="config.json max_position_embeddings; sglang configs/model_config.py")
def the_context_is_not_longer_than_the_model(model: ModelSettings) -> Iterator[Finding]:
    """The engine refuses a context longer than the model's own, unless told otherwise."""
    own = context_beyond(model)
    if own is not None:
        yield Finding(
            "contextLength",
            f"{model.context_length} tokens are more than {model.model} was made for ({own})",
            f"use at most {own}",
        )
