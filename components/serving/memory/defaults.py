"""What SGLang sets itself when memory flags are left out, by release.

0.5.8: server_args.py `_handle_gpu_memory_settings`; 0.5.13.post1 and 0.5.17: the same with reserves for prefill graphs;
0.5.23: arg_groups/memory_hook.py. Numbers are MiB, as in the engine. Sizing KV after graph capture stays off in all of
them (SGLANG_ENABLE_POST_CAPTURE_KV_SIZING is false by default).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.facts.engines.versions import at_least
from components.facts.instances import Gpu
from components.facts.model_facts import ModelFacts
from components.serving.memory.encoder import reserve_factor
from components.serving.memory.ranks import Ranks

_WIDE_ATTENTION_GRAPH_LIMIT: Final = 128
"""Largest CUDA graph batch under data-parallel attention: the default of 512 reserves 4.5 MiB each, for every rank."""

_LATENT_PREFILL_GRAPH_MIB: Final = 1536
_GRAPH_SIZE_MIB: Final = 8

_LEAST_FRACTION: Final = 0.01
"""The rule goes below zero for many ranks of small GPUs, which the engine's parser would refuse."""


@dataclass(frozen=True, slots=True)
class Role:
    """What of a launch moves the default fraction: the disaggregation mode and the speculative algorithm."""

    disaggregation: str = "null"
    speculative: str | None = None
    all_to_all: bool = False


AGGREGATED: Final = Role()
"""A launch that prefills and decodes, without drafts."""


def chunked_prefill_size(gpu: Gpu, version: str) -> int:
    """Tokens of a prefill chunk by GPU memory."""
    gib = gpu.memory_mib / 1024
    if gib < 20:
        return 2048
    if gib < 35:
        return 4096 if at_least(version, "0.5.23") else 2048
    if gib < 60:
        return 4096
    return 8192 if gib < 160 else 16384


def default_graph_limit(gpu: Gpu, tensor: int, version: str) -> int:
    """The engine's own largest decode batch with a CUDA graph."""
    gib = gpu.memory_mib / 1024
    wide = tensor >= 4
    if gib < 20:
        return 8
    if gib < 35:
        narrow, broad = (48, 160) if at_least(version, "0.5.23") else (24, 80)
        return broad if wide else narrow
    if gib < 60:
        return 160 if wide else 32
    if gib < 160:
        return 512 if wide else 256
    return 512


def graph_limit(gpu: Gpu, ranks: Ranks, version: str) -> int:
    """The CUDA graph limit that we render: the engine's own, at most 128 under data-parallel attention."""
    limit = default_graph_limit(gpu, ranks.tensor, version)
    return min(limit, _WIDE_ATTENTION_GRAPH_LIMIT) if ranks.dp_attention and ranks.data > 1 else limit


def mem_fraction_static(
    model: ModelFacts,
    gpu: Gpu,
    ranks: Ranks,
    version: str,
    *,
    graph_limit: int,
    role: Role = AGGREGATED,
    chunk: int | None = None,
) -> float:
    """The fraction that the engine would choose for this launch, with CUDA graphs up to `graph_limit`.

    `chunk` are the tokens of a prefill chunk where they are set. For vision models the engine lowers it further by the
    size of the encoder, though not where only decode runs.
    """
    chunk = chunked_prefill_size(gpu, version) if chunk is None else chunk
    wide = ranks.dp_attention and ranks.data > 1
    newer = at_least(version, "0.5.17")
    tokens = max(graph_limit, 2048) if newer and role.disaggregation == "decode" else max(chunk, 2048)
    reserved = 512 + tokens * 1.5 + ranks.tensor * ranks.pipeline / 8 * 1024
    if not (newer and role.disaggregation == "prefill"):
        reserved += graph_limit * 2
        if wide:
            reserved += graph_limit * ranks.data * (4.5 if graph_limit > 300 else 3)
    if _captures_prefill(model, gpu, ranks, version, role):
        reserved += _LATENT_PREFILL_GRAPH_MIB if model.mla else _GRAPH_SIZE_MIB * _prefill_graphs(chunk, version)
    if gpu.memory_mib > 60 * 1024:
        reserved = max(reserved, 10240)
    reserved += _speculative_mib(version, role.speculative)
    if newer and role.all_to_all and role.disaggregation != "prefill":
        reserved += 2048
    fraction = max(_LEAST_FRACTION, round((gpu.memory_mib - reserved) / gpu.memory_mib, 3))
    return fraction if role.disaggregation == "decode" else fraction * reserve_factor(model)


def _captures_prefill(model: ModelFacts, gpu: Gpu, ranks: Ranks, version: str, role: Role) -> bool:
    """Whether prefill runs in CUDA graphs by default: never in 0.5.8, later unless the launch rules it out."""
    if not at_least(version, "0.5.13.post1") or model.vision or role.disaggregation == "decode":
        return False
    if not at_least(version, "0.5.17"):
        plain = role.disaggregation == "null" and not role.all_to_all
        return plain and ranks.pipeline == 1 and not (ranks.dp_attention and ranks.data > 1)
    if not at_least(version, "0.5.23"):
        return model.mla is None or model.indexer is not None
    blackwell_latent = model.architecture == "DeepseekV3ForCausalLM" and gpu.compute_capability[0] == 10
    return ranks.pipeline == 1 and not blackwell_latent


def _prefill_graphs(chunk: int, version: str) -> int:
    """How many sizes up to the chunk are captured (`_generate_prefill_cuda_graph_batch_sizes`)."""
    sizes = (
        *range(4, 33, 4),
        *range(48, 257, 16),
        *range(288, 513, 32),
        *range(576, 1025, 64),
        *range(1280, 4097, 256),
        *range(4608, chunk + 1, 512),
    )
    return sum(1 for size in sizes if size <= chunk)


def _speculative_mib(version: str, algorithm: str | None) -> int:
    """The draft model's reserve: since 0.5.17 its weights are counted as loaded instead."""
    if algorithm is None or algorithm == "NGRAM" or at_least(version, "0.5.17"):
        return 0
    if algorithm == "STANDALONE":
        return 6144
    return 4096 if at_least(version, "0.5.13.post1") else 2048
