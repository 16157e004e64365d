"""How much memory adapters take on each GPU: room for as many as a batch may use, at the largest rank, in bf16.

sglang 0.5.8 lora/mem_pool.py `init_buffers`: for each layer and module a matrix A of rank x inputs and a matrix B of
outputs x rank. Modules divided by rows divide A's inputs over the tensor ranks, the others divide B's outputs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from components.serving.memory.weights import GIB

if TYPE_CHECKING:
    from components.facts.model_facts import Mla, ModelFacts
    from components.serving.memory.ranks import Ranks

_BYTES: Final = 2
PER_BATCH: Final = 8
"""The engine's own `--max-loras-per-batch`."""

_MERGED: Final = {
    "q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj", "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
}  # fmt: skip
"""Modules that the engine holds as one (lora/utils.py `get_normalized_target_modules`)."""
EMBEDDINGS: Final = ("embed_tokens", "lm_head")
MLP: Final = ("gate_up_proj", "down_proj")
_LATENT: Final = ("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj")


def adapters_gib(
    model: ModelFacts, ranks: Ranks, *, rank: int, per_batch: int, modules: Collection[str] | None
) -> float:
    """GiB on one GPU. Without `modules`, and for `all`, every linear module of a layer is counted; all layers are,
    since a pipeline stage holds room for each. Of a mixture of experts, all experts are counted on every rank: whether
    the engine keeps only its own depends on the kernels.
    """
    names = normalized(model, modules)
    layer = sum(_layer_elements(model, ranks, name, rank) for name in names if name not in EMBEDDINGS)
    tables = sum(rank * (model.vocab_size + model.hidden_size) for name in names if name in EMBEDDINGS)
    return per_batch * (model.layers * layer + tables) * _BYTES / GIB


def normalized(model: ModelFacts, modules: Collection[str] | None) -> set[str]:
    """The modules as the engine holds them."""
    if modules is None or "all" in modules:
        return {*MLP, "o_proj", *(_LATENT if model.mla else ("qkv_proj",))}
    return {_MERGED.get(name, name) for name in modules}


def _layer_elements(model: ModelFacts, ranks: Ranks, name: str, rank: int) -> float:
    """Elements of A and B of one module of one layer, on one GPU."""
    if name in MLP:
        return _mlp(model, ranks, name, rank)
    if name == "o_proj":
        return rank * (model.attention_heads * model.v_head_dim / ranks.attention + model.hidden_size)
    if name == "qkv_proj":
        # KV heads are divided down to one on each rank, and repeated beyond.
        heads = model.attention_heads / ranks.attention + 2 * max(1.0, model.kv_heads / ranks.attention)
        return rank * (3 * model.hidden_size + heads * model.head_dim)
    return rank * _latent(model, model.mla, ranks, name) if model.mla else 0.0


def _mlp(model: ModelFacts, ranks: Ranks, name: str, rank: int) -> float:
    width = model.moe_intermediate_size / ranks.expert_tensor if model.moe else model.intermediate_size / ranks.dense
    copies = model.experts if model.moe else 1
    one = 2 * model.hidden_size + 2 * width if name == "gate_up_proj" else width + model.hidden_size
    return copies * rank * one


def _latent(model: ModelFacts, mla: Mla, ranks: Ranks, name: str) -> float:
    """Inputs and outputs of a module of latent attention: those by head are divided, the down-projections whole."""
    heads = model.attention_heads / ranks.attention
    sides = {
        "q_a_proj": model.hidden_size + mla.q_lora_rank,
        "q_b_proj": mla.q_lora_rank + heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim),
        "kv_a_proj_with_mqa": model.hidden_size + mla.kv_lora_rank + mla.qk_rope_head_dim,
        "kv_b_proj": mla.kv_lora_rank + heads * (mla.qk_nope_head_dim + mla.v_head_dim),
    }
    return sides.get(name, 0.0)
