"""How much of a model's weights each GPU holds.

Tensors are summed at their own precision: a factor on the parameter count misses that FP8 checkpoints keep embeddings,
the output head, norms and gates at two bytes, and that some tensors are whole on every rank (norms, gates, the
down-projections of latent attention, replicated KV heads). Checked against logs: Llama-3.1-8B 15.0 GiB, DeepSeek-V3
at tp8 79.4 GiB (sgl-project/sglang#3416), at tp8 dp8 with 32 redundant experts 105.6 GiB (#6017).
"""

from __future__ import annotations

from typing import Final

from components.facts.model_facts import Mla, ModelFacts
from components.facts.quantizations import Quantization
from components.serving.memory.encoder import whole_encoder_gib
from components.serving.memory.ranks import Ranks, stages

GIB: Final = 2**30
_PLAIN: Final = 2
"""Bytes of a parameter that no recipe quantizes."""

_BESIDE_GIB: Final = 0.1
"""Rotary tables and what the allocator rounds up: logs show 0.05 to 0.3 GiB above the sum of the tensors."""


def weights_gib(
    model: ModelFacts, quantization: Quantization, ranks: Ranks, *, redundant_experts: int = 0
) -> list[float]:
    """GiB of weights on one GPU of each pipeline stage, first stage first."""
    spread = list(stages(model.layers, ranks.pipeline))
    return [
        (
            _stage_bytes(model, quantization, ranks, layers, redundant_experts)
            + _ends_bytes(model, ranks, stage, len(spread))
        )
        / GIB
        + _BESIDE_GIB
        for stage, layers in enumerate(spread)
    ]


def draft_gib(model: ModelFacts, quantization: Quantization, ranks: Ranks) -> float:
    """GiB on one GPU of the multi-token prediction layers, which load as the draft model of EAGLE or NEXTN.

    Each is a layer of the model with a projection of its own; embeddings and head are the model's.
    """
    layer = 2 * model.hidden_size**2 * _PLAIN + _attention_bytes(model, quantization, ranks)
    layer += _moe_bytes(model, quantization, ranks, 0) if model.moe else _dense_bytes(model, quantization, ranks)
    return model.mtp_layers * layer / GIB


def checkpoint_gib(model: ModelFacts) -> float:
    """GiB of the checkpoint's files: what is downloaded, and read once by every node.

    The multi-token prediction layers are in it, each with embeddings and a head of its own.
    """
    whole, recipe = Ranks(1), model.quantization
    layers = _stage_bytes(model, recipe, whole, range(model.layers), 0) + _ends_bytes(model, whole, 0, 1)
    tables = model.mtp_layers * 2 * model.vocab_size * model.hidden_size * _PLAIN
    absorbed = (model.layers + model.mtp_layers) * _absorbed(model.mla, model.attention_heads) * recipe.attention
    return (layers + tables - absorbed) / GIB + draft_gib(model, recipe, whole) + whole_encoder_gib(model)


def _stage_bytes(
    model: ModelFacts, quantization: Quantization, ranks: Ranks, layers: range, redundant_experts: int
) -> float:
    dense = sum(1 for layer in layers if layer < model.dense_mlp_layers)
    routed = len(layers) - dense
    return (
        len(layers) * _attention_bytes(model, quantization, ranks)
        + dense * _dense_bytes(model, quantization, ranks)
        + routed * _moe_bytes(model, quantization, ranks, redundant_experts)
    )


def _ends_bytes(model: ModelFacts, ranks: Ranks, stage: int, count: int) -> float:
    """Embeddings on the first stage, the output head on the last; tied, they are one table on both."""
    table = model.vocab_size * model.hidden_size * _PLAIN
    first, last = stage == 0, stage == count - 1
    embedding = table / ranks.attention if first or (last and model.tied_embeddings) else 0.0
    head = table / ranks.tensor if last and not model.tied_embeddings else 0.0
    return embedding + head


def _attention_bytes(model: ModelFacts, quantization: Quantization, ranks: Ranks) -> float:
    norms = 2 * model.hidden_size * _PLAIN
    parameters = _latent(model, model.mla, ranks) if model.mla else _grouped(model, ranks)
    return parameters * quantization.attention + norms + _indexer_bytes(model, quantization)


def _grouped(model: ModelFacts, ranks: Ranks) -> float:
    """Parameters on one rank; KV heads are divided down to one each and replicated beyond."""
    queries = model.hidden_size * model.attention_heads * model.head_dim / ranks.attention
    keys = model.hidden_size * max(1.0, model.kv_heads / ranks.attention) * model.head_dim
    biases = (model.attention_heads + 2 * model.kv_heads) * model.head_dim if model.attention_bias else 0
    return 2 * queries + 2 * keys + biases


def _latent(model: ModelFacts, mla: Mla, ranks: Ranks) -> float:
    """Parameters on one rank: projections by head are divided, the down-projections whole."""
    by_head = (mla.q_lora_rank or model.hidden_size) * (mla.qk_nope_head_dim + mla.qk_rope_head_dim)
    by_head += mla.v_head_dim * model.hidden_size
    divided = model.attention_heads * by_head + 2 * _absorbed(mla, model.attention_heads)
    whole = model.hidden_size * (mla.q_lora_rank + mla.kv_lora_rank + mla.qk_rope_head_dim)
    return divided / ranks.attention + whole


def _absorbed(mla: Mla | None, heads: int) -> int:
    """Parameters of a layer's KV up-projection, which SGLang keeps twice: as loaded and absorbed into the queries."""
    return heads * mla.kv_lora_rank * (mla.qk_nope_head_dim + mla.v_head_dim) if mla else 0


def _indexer_bytes(model: ModelFacts, quantization: Quantization) -> float:
    if model.indexer is None or model.mla is None:
        return 0.0
    queries = model.mla.q_lora_rank * model.indexer.heads * model.indexer.head_dim
    keys = model.hidden_size * model.indexer.head_dim
    return (queries + keys) * quantization.attention + model.hidden_size * model.indexer.heads * _PLAIN


def _dense_bytes(model: ModelFacts, quantization: Quantization, ranks: Ranks) -> float:
    return 3 * model.hidden_size * model.intermediate_size / ranks.dense * quantization.mlp


def _moe_bytes(model: ModelFacts, quantization: Quantization, ranks: Ranks, redundant_experts: int) -> float:
    expert = 3 * model.hidden_size * model.moe_intermediate_size
    routed = (model.experts + redundant_experts) * expert / ranks.tensor * quantization.experts
    shared = model.shared_experts * expert / ranks.shared * quantization.mlp
    gate = model.experts * model.hidden_size * _PLAIN
    return routed + shared + gate
