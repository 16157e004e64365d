"""Does a model fit: weights, KV cache and context per GPU, for one layout of ranks on one kind of GPU.

Pure and deterministic. The engine divides a GPU so: what CUDA and NCCL take before the weights load; the static
fraction of the rest, for weights and KV cache; and what stays for activations and CUDA graphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from typing import Final

from components.facts.engines.versions import DEFAULT, EngineVersion, at_least
from components.facts.instances import Gpu
from components.facts.model_facts import ModelFacts
from components.facts.quantizations import QUANTIZATIONS, Quantization
from components.serving.memory import defaults
from components.serving.memory.demands import NOTHING, Demands
from components.serving.memory.divisibility import indivisible
from components.serving.memory.drafts import separate_draft_gib
from components.serving.memory.encoder import encoder_gib
from components.serving.memory.kv_cache import KV_CACHE_DTYPES, bytes_per_token, max_running_requests, pool_tokens
from components.serving.memory.ranks import Ranks
from components.serving.memory.weights import GIB, draft_gib, weights_gib
from components.words import count

SPARSE_PAGE_TOKENS: Final = 64
"""Page size that sparse attention sets (0.5.8 server_args.py); elsewhere pages do not change the count noticeably."""

_OWN_DRAFTS: Final = ("EAGLE", "NEXTN")
"""Algorithms whose draft is the model's own prediction layers; another draft model's size is not known here."""

_DRAFTS_COUNTED_SINCE: Final = "0.5.17"
"""Since then the pool is sized after the draft is loaded; before, a reserve in the default fraction stood for it."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """What one GPU of a layout holds; where pipeline stages differ, the fullest one.

    `kv_tokens` is the KV cache in tokens per data-parallel rank, `kv_bytes_per_token` what one token takes on one GPU.
    `max_context` is the longest request in tokens: the least of the context asked for (or the model's) and
    `kv_tokens`. `max_running_requests` is the engine's own limit for that pool, `full_length_requests` how many
    requests of the whole context the pool holds at once. `headroom_gib` is what stays free beside the static fraction
    after the request table, CUDA graphs and one prefill chunk's activations. `reason` says why the layout does not
    fit; it is empty where it does. `beside_gib_per_gpu` is what of the weights is not the model's: adapters, drafts;
    `encoder_gib_per_gpu` what is its vision encoder's.
    """

    weights_gib_per_gpu: float
    kv_bytes_per_token: int
    mem_fraction_static: float
    cuda_graph_max_bs: int
    kv_tokens: int
    max_context: int
    max_running_requests: int
    full_length_requests: int
    headroom_gib: float
    fits: bool
    reason: str
    beside_gib_per_gpu: float = 0.0
    encoder_gib_per_gpu: float = 0.0


def size(
    model: ModelFacts,
    gpu: Gpu,
    *,
    tensor: int,
    pipeline: int = 1,
    data: int = 1,
    dp_attention: bool = False,
    expert: int = 1,
    nodes: int = 1,
    context_length: int | None = None,
    engine_version: str = DEFAULT,
    mem_fraction_static: float | None = None,
    kv_cache_dtype: str = "auto",
    quantization: str | None = None,
    cuda_graph_max_bs: int | None = None,
    dense_tensor: int | None = None,
    all_to_all: bool = False,
    redundant_experts: int = 0,
    disaggregation: str = "null",
    speculative: str | None = None,
    demands: Demands = NOTHING,
) -> Sizing:
    """Size one layout of `model` on GPUs of one kind, spread evenly over `nodes`.

    `mem_fraction_static` and `cuda_graph_max_bs` default to what the engine release would choose, with a CUDA graph
    limit of at most 128 under data-parallel attention. `quantization` is a runtime `--quantization` of a bf16
    checkpoint (`fp8`); None keeps the checkpoint's own. `demands` are what other settings ask of memory. A KV cache
    type or a quantization that is not known raises ValueError; a layout that cannot work does not: its `fits` is False
    and its `reason` says why.
    """
    if kv_cache_dtype not in KV_CACHE_DTYPES:
        raise ValueError(f"kv_cache_dtype {kv_cache_dtype!r} is not sized; known are {', '.join(KV_CACHE_DTYPES)}")
    recipe = effective_quantization(model, quantization)
    ranks = Ranks(tensor, pipeline, data, dp_attention and data > 1, expert, dense_tensor, all_to_all)
    graphs = cuda_graph_max_bs or defaults.graph_limit(gpu, ranks, engine_version)
    role = defaults.Role(disaggregation, speculative, all_to_all)
    fraction = mem_fraction_static or defaults.mem_fraction_static(
        model, gpu, ranks, engine_version, graph_limit=graphs, role=role, chunk=demands.prefill_chunk
    )
    asked = context_length or model.context_length
    before = preload_gib(gpu, tensor, nodes)
    draft, layers = _draft(model, recipe, ranks, demands.draft, speculative)
    counted = at_least(engine_version, _DRAFTS_COUNTED_SINCE)
    beside = (draft if counted else 0.0) + demands.adapters_gib
    encoder = encoder_gib(model, ranks, data_parallel=demands.encoder_whole)
    weights = [
        held + encoder + beside for held in weights_gib(model, recipe, ranks, redundant_experts=redundant_experts)
    ]
    cells = bytes_per_token(
        model,
        gpu,
        ranks,
        dtype=kv_cache_dtype,
        version=engine_version,
        draft_layers=layers if counted else 0,
        sliding_to_full=demands.sliding_to_full,
    )
    page = SPARSE_PAGE_TOKENS if model.indexer else 1
    tokens = max(
        0,
        min(
            pool_tokens(before - held, before, fraction, cell, page) for held, cell in zip(weights, cells, strict=True)
        ),
    )
    tokens = min(tokens, demands.total_tokens or tokens)
    requests = demands.running_requests or max_running_requests(
        tokens, asked, engine_version, drafts=speculative is not None
    )
    chunk = _chunk_tokens(gpu, ranks, engine_version, demands, asked)
    headroom = before * (1 - fraction) - _after_start_gib(
        model, ranks, chunk=chunk, graphs=graphs, requests=requests, context=asked
    )
    if not counted:
        headroom -= draft + layers * tokens * max(cells) / model.layers / GIB
    reasons = [
        *_impossible(model, gpu, recipe, version=engine_version),
        *(
            [f"{count(ranks.gpus, 'rank does', 'ranks do')} not divide over {count(nodes, 'node')}"]
            if ranks.gpus % nodes
            else []
        ),
        *indivisible(model, recipe, ranks, redundant_experts=redundant_experts),
    ]
    if not reasons:
        reasons.extend(
            _too_small(max(weights), before, fraction=fraction, tokens=tokens, context=asked, headroom=headroom)
        )
    return Sizing(
        weights_gib_per_gpu=max(weights),
        kv_bytes_per_token=max(cells),
        mem_fraction_static=fraction,
        cuda_graph_max_bs=graphs,
        kv_tokens=tokens,
        max_context=min(asked, tokens),
        max_running_requests=requests,
        full_length_requests=tokens // asked,
        headroom_gib=headroom,
        fits=not reasons,
        reason="; ".join(reasons),
        beside_gib_per_gpu=beside,
        encoder_gib_per_gpu=encoder,
    )


def _draft(
    model: ModelFacts, recipe: Quantization, ranks: Ranks, separate: ModelFacts | None, algorithm: str | None
) -> tuple[float, int]:
    """GiB on one GPU and layers with KV cache of what drafts: a model of its own, or the model's prediction layers.

    The engine plans a draft's KV cache in layers of the model (0.5.17 model_executor/pool_configurator.py).
    """
    if algorithm is None or algorithm == "NGRAM":
        return 0.0, 0
    if separate is not None:
        return separate_draft_gib(separate, ranks), separate.layers
    return (draft_gib(model, recipe, ranks), model.mtp_layers) if algorithm in _OWN_DRAFTS else (0.0, 0)


def _chunk_tokens(gpu: Gpu, ranks: Ranks, version: str, demands: Demands, context: int) -> int:
    """Tokens that one rank prefills at once: a chunk shared by data-parallel ranks, or a whole prompt."""
    chunk = defaults.chunked_prefill_size(gpu, version) if demands.prefill_chunk is None else demands.prefill_chunk
    return chunk // (ranks.data if ranks.dp_attention else 1) if chunk > 0 else context


def effective_quantization(model: ModelFacts, quantization: str | None) -> Quantization:
    """The recipe that weights are held in: the checkpoint's own, or a runtime one over a bf16 checkpoint.

    Naming the checkpoint's own recipe changes nothing. Raises ValueError for a name that is not known.
    """
    if quantization is None or quantization in (model.quantization.name, model.quantization.engine_name):
        return model.quantization
    if quantization == "fp8" and model.quantization.name.startswith("fp8"):
        return model.quantization
    known = {row.engine_name: row for row in QUANTIZATIONS.values() if row.engine_name}
    if quantization not in known:
        raise ValueError(f"quantization {quantization!r} is not sized; known are {', '.join(sorted(known))}")
    return known[quantization]


def preload_gib(gpu: Gpu, tensor: int, nodes: int = 1) -> float:
    """GiB free on a GPU when weights begin to load: its total less CUDA, NCCL and the custom all-reduce's buffers.

    Fitted to published logs: H100 78.5 alone and 77.4 at tp8, H200 137.3 (sgl-project/sglang#11716) to 137.9 at tp8,
    one B200 177.6, L4 21.6 at tp4. The buffers come with the second rank; over PCIe there are hardly any.
    """
    context = 0.6 + gpu.memory_gib * 0.0075
    buffers = 0.0 if tensor == 1 else (0.9 if gpu.nvlink else 0.05) + 0.05 * log2(tensor)
    return gpu.memory_gib - context - buffers - (0.3 if nodes > 1 else 0.0)


def _after_start_gib(model: ModelFacts, ranks: Ranks, *, chunk: int, graphs: int, requests: int, context: int) -> float:
    """GiB taken beside the static fraction: request table, CUDA graphs, activations of one prefill chunk.

    The table is 4 bytes per request and position; the engine plans 2 MiB per request of the CUDA graph limit.
    Activations are counted for the widest layer in bf16: hidden states, attention heads, and the columns of the MLP or
    of the experts that a token visits.
    """
    table = requests * context * 4
    capture = graphs * 2 * 2**20
    heads = 3 * model.attention_heads * model.head_dim / ranks.attention
    dense = 3 * model.intermediate_size / ranks.dense if model.dense_mlp_layers else 0.0
    visited = model.experts_per_token * (model.hidden_size + 3 * model.moe_intermediate_size / ranks.expert_tensor)
    return (table + capture + chunk * 2 * (4 * model.hidden_size + heads + max(dense, visited))) / GIB


def _impossible(model: ModelFacts, gpu: Gpu, recipe: Quantization, *, version: str) -> Iterator[str]:
    if not at_least(version, model.minimum_engine):
        yield f"SGLang {version} does not know {model.architecture}; it came with {EngineVersion(model.minimum_engine)}"
    if recipe.needs_fp8_cores and model.moe and not gpu.fp8:
        yield f"FP8 experts need FP8 tensor cores, which {gpu.name} lacks"


def _too_small(
    weights: float, before: float, *, fraction: float, tokens: int, context: int, headroom: float
) -> Iterator[str]:
    if tokens <= 0:
        if weights >= before:
            yield f"{weights:.1f} GiB of weights per GPU, and {before:.1f} GiB free"
        else:
            yield (
                f"{weights:.1f} GiB of weights per GPU leave no KV cache in {fraction:g} of {before:.1f} GiB; "
                f"it begins above a static fraction of {weights / before:.3f}"
            )
    elif tokens < context:
        yield f"the KV cache holds {tokens} tokens, less than one request of {context}"
    if headroom < 0:
        yield f"a static fraction of {fraction:g} leaves {-headroom:.1f} GiB too little for activations and CUDA graphs"
