"""How many bytes a token of KV cache takes, and how many tokens the pool holds."""

from __future__ import annotations

from typing import Final

from components.facts.engines.versions import at_least
from components.facts.instances import Gpu
from components.facts.model_facts import Indexer, Mla, ModelFacts
from components.serving.memory.demands import SLIDING_TO_FULL
from components.serving.memory.ranks import Ranks, stages
from components.serving.memory.weights import GIB

_BYTES: Final = {"auto": 2.0, "bf16": 2.0, "bfloat16": 2.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0}

KV_CACHE_DTYPES: Final = tuple(_BYTES)
"""Values of `--kv-cache-dtype` that are sized here."""

_INDEXER_SCALE_BYTES: Final = 4
"""A float32 scale per 128 elements of an indexer key."""


def resolved_dtype(model: ModelFacts, gpu: Gpu, dtype: str) -> str:
    """What `auto` becomes: bf16, but FP8 for sparse attention on Blackwell (`_set_default_dsa_kv_cache_dtype`)."""
    if dtype != "auto":
        return dtype
    return "fp8_e4m3" if model.indexer and gpu.compute_capability[0] >= 10 else "bf16"


def bytes_per_token(
    model: ModelFacts,
    gpu: Gpu,
    ranks: Ranks,
    *,
    dtype: str,
    version: str,
    draft_layers: int = 0,
    sliding_to_full: float = SLIDING_TO_FULL,
) -> list[int]:
    """Bytes that one token takes on one GPU of each pipeline stage, with the layers of a draft model on every stage.

    Grouped-query attention divides KV heads over the attention ranks and replicates them beyond one each; latent
    attention keeps the same vector on every rank. Sliding-window layers count by the ratio of the two pools. A stage
    without layers, which the engine refuses, counts as one byte.
    """
    dtype = resolved_dtype(model, gpu, dtype)
    element = _BYTES[dtype]
    if model.mla:
        per_layer = _latent_bytes(model.mla, model.indexer, element, scaled=_scaled_layout(gpu, version))
    else:
        per_layer = max(1, model.kv_heads // ranks.attention) * 2 * model.head_dim * element
    effective = (model.layers - model.sliding_layers + sliding_to_full * model.sliding_layers) / model.layers
    return [
        max(1, int(per_layer * (len(layers) * effective + draft_layers)))
        for layers in stages(model.layers, ranks.pipeline)
    ]


def pool_tokens(available_gib: float, preload_gib: float, fraction: float, cell_bytes: int, page_size: int = 1) -> int:
    """Tokens of the pool, as the engine computes them; zero or less means that it refuses to start.

    `available_gib` is free after the weights are loaded, `preload_gib` was free before; the static fraction of the
    latter is for weights and pool (model_runner_kv_cache_mixin.py in 0.5.8, kv_cache_configurator.py later).
    """
    rest = available_gib - preload_gib * (1 - fraction)
    return int(rest * GIB) // cell_bytes // page_size * page_size


def max_running_requests(tokens: int, context_length: int, version: str, *, drafts: bool = False) -> int:
    """The engine's default limit of running requests for a pool; newer releases plan two tokens each at least.

    Where a draft model runs (`drafts`), the limit is 48.
    """
    limit = 48 if drafts else min(max(int(tokens / context_length * 512), 2048), 4096)
    return limit if not at_least(version, "0.5.17") else max(0, min(limit, tokens // 2))


def _latent_bytes(mla: Mla, indexer: Indexer | None, element: float, *, scaled: bool) -> float:
    vector = (mla.kv_lora_rank + mla.qk_rope_head_dim) * element
    if indexer is None:
        return vector
    if element == 1.0 and scaled:
        vector = mla.kv_lora_rank + mla.kv_lora_rank // 128 * 4 + mla.qk_rope_head_dim * 2
    return vector + indexer.head_dim + indexer.head_dim // 128 * _INDEXER_SCALE_BYTES


def _scaled_layout(gpu: Gpu, version: str) -> bool:
    """Whether the engine counts the FP8 layout of sparse attention (512 + 16 + 128 bytes) rather than 576.

    Since 0.5.17 it does for its own kernels; on Blackwell its default there is TRT-LLM's, without scales. Before, the
    count of tokens left the scales out although the pool allocates them.
    """
    return at_least(version, "0.5.17") and gpu.compute_capability[0] < 10
