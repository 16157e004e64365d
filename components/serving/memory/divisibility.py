"""Why a model's tensors cannot be divided over a layout of ranks; the engine asserts each of these at start."""

from __future__ import annotations

from collections.abc import Iterator

from components.facts.model_facts import ModelFacts
from components.facts.quantizations import Quantization
from components.serving.memory.ranks import Ranks


def indivisible(
    model: ModelFacts, quantization: Quantization, ranks: Ranks, *, redundant_experts: int = 0
) -> Iterator[str]:
    """Every reason, as a clause; none where the layout is possible."""
    yield from _degrees(model, ranks)
    yield from _heads(model, ranks)
    if model.moe:
        yield from _experts(model, ranks, redundant_experts)
    elif ranks.expert > 1:
        yield f"expert {ranks.expert} divides experts, and {model.id} has none"
    if quantization.block:
        yield from _blocks(model, ranks, quantization.block)


def _degrees(model: ModelFacts, ranks: Ranks) -> Iterator[str]:
    """SGLang server_args.py: the data-parallel ranks of attention divide the tensor ranks."""
    if ranks.dp_attention and ranks.tensor % ranks.data:
        yield f"tensor {ranks.tensor} is not a multiple of data {ranks.data}, which divides it under dpAttention"
    if ranks.pipeline > model.layers:
        yield f"pipeline {ranks.pipeline} is more than the model's {model.layers} layers"


def _heads(model: ModelFacts, ranks: Ranks) -> Iterator[str]:
    """models/llama.py, qwen3_moe.py, deepseek_v2.py: heads are divided, or KV heads replicated, evenly."""
    if model.attention_heads % ranks.attention:
        yield f"{model.attention_heads} attention heads do not divide over {ranks.attention} attention ranks"
    if model.mla is None and model.kv_heads % ranks.attention and ranks.attention % model.kv_heads:
        yield f"{model.kv_heads} KV heads neither divide over nor repeat evenly on {ranks.attention} attention ranks"


def _experts(model: ModelFacts, ranks: Ranks, redundant_experts: int) -> Iterator[str]:
    if ranks.tensor % ranks.experts:
        yield f"expert {ranks.experts} does not divide tensor {ranks.tensor}"
    count = model.experts + redundant_experts
    if count % ranks.experts:
        with_spares = f" with {redundant_experts} redundant ones" if redundant_experts else ""
        yield f"{count} experts{with_spares} do not divide over {ranks.experts} expert ranks"
    if model.moe_intermediate_size % ranks.expert_tensor:
        yield f"an expert's {model.moe_intermediate_size} columns do not divide over {ranks.expert_tensor} ranks"


def _blocks(model: ModelFacts, ranks: Ranks, block: int) -> Iterator[str]:
    """layers/quantization/fp8.py: what one rank holds of a block-quantized tensor is whole blocks."""
    if model.moe:
        share = model.moe_intermediate_size / ranks.expert_tensor
        if share % block:
            yield (
                f"FP8 blocks of {block}: an expert's {model.moe_intermediate_size} columns over {ranks.expert_tensor} "
                f"ranks are {share:g}; {_expert_remedy(model, ranks, block)}"
            )
    if model.dense_mlp_layers and (model.intermediate_size / ranks.dense) % block:
        yield (
            f"FP8 blocks of {block}: the dense MLPs' {model.intermediate_size} columns over {ranks.dense} ranks are "
            f"{model.intermediate_size / ranks.dense:g}; {_dense_remedy(model)}"
        )
    shared = model.shared_experts * model.moe_intermediate_size / ranks.shared
    if shared % block:
        yield (
            f"FP8 blocks of {block}: the shared experts' {model.shared_experts * model.moe_intermediate_size} columns "
            f"over {ranks.shared} ranks are {shared:g}; use fewer tensor ranks or an all-to-all backend"
        )
    queries = model.attention_heads * model.head_dim / ranks.attention
    if queries % block:
        yield f"FP8 blocks of {block}: the query heads' rows over {ranks.attention} ranks are {queries:g}; use fewer"


def _expert_remedy(model: ModelFacts, ranks: Ranks, block: int) -> str:
    """The expert degrees that would make the shares whole blocks."""
    good = [
        degree
        for degree in range(2, ranks.tensor + 1)
        if ranks.tensor % degree == 0
        and model.experts % degree == 0
        and model.moe_intermediate_size % (ranks.tensor // degree * block) == 0
    ]
    return f"use expert {' or '.join(map(str, good))}" if good else "use fewer tensor ranks"


def _dense_remedy(model: ModelFacts) -> str:
    return "set the dense tensor size to 1" if model.moe else "use fewer tensor ranks"
