"""Rules of kernels and CUDA graphs that need the model alone; those that need its GPU are in `infra.rules.tuning`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.rules import Finding, Severity
from components.serving.lookup import argument, asked_at, facts_of
from components.serving.names import PREFILL
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

ATTENTION_FLAGS: Final = ("attention-backend", "prefill-attention-backend", "decode-attention-backend")
"""Flags that choose an attention back end."""

_LATENT_ONLY: Final = ("cutlass_mla", "cutedsl_mla", "flashmla", "tokenspeed_mla", "trtllm_mla")
_GROUPED_ONLY: Final = ("trtllm_mha",)
_PAGES: Final = {"flashmla": (64,), "cutlass_mla": (128,), "trtllm_mla": (32, 64), "trtllm_mha": (16, 32, 64)}
"""Pages that a back end takes; it silently sets its own where another is asked for (0.5.8 server_args.py:1720-1790)."""
_GRAPHLESS: Final = ("torch_native", "flex_attention")


@rules.rule("kernels.attention-kind", source="sglang 0.5.8 layers/attention/attention_registry.py")
def attention_fits_the_model(model: ModelSettings) -> Iterator[Finding]:
    """Some back ends are for latent attention alone, some for all but it."""
    facts = facts_of(model)
    for path, backend in _attention(model):
        if facts and facts.mla is None and backend in _LATENT_ONLY:
            yield Finding(
                path, f"{backend} is for latent attention, which {facts.id} has not", "leave it to the engine"
            )
        if facts and facts.mla and backend in _GROUPED_ONLY:
            yield Finding(
                path, f"{backend} is not for latent attention, which {facts.id} has", "leave it to the engine"
            )


@rules.rule("kernels.page", source="sglang 0.5.8 server_args.py:1720-1790", severity=Severity.WARNING)
def pages_are_those_of_the_attention(model: ModelSettings) -> Iterator[Finding]:
    """A back end that has its own page size overrules another one."""
    page = asked_at(model, "page-size")
    for _, backend in _attention(model):
        pages = _PAGES.get(backend)
        if page and pages and page[1] not in pages:
            yield Finding(page[0], f"{backend} sets its own page over {page[1]}", f"use {' or '.join(map(str, pages))}")


@rules.rule("kernels.graphless", source="sglang 0.5.8 server_args.py:1706-1718", severity=Severity.WARNING)
def attention_runs_in_graphs(model: ModelSettings) -> Iterator[Finding]:
    """Reference back ends turn CUDA graphs off."""
    for path, backend in _attention(model):
        if backend in _GRAPHLESS:
            yield Finding(
                path, f"{backend} turns CUDA graphs off: every step waits for the CPU", "leave it to the engine"
            )


@rules.rule("kernels.no-graphs", source="sglang docs: hyperparameter_tuning.md", severity=Severity.WARNING)
def decoding_runs_in_graphs(model: ModelSettings) -> Iterator[Finding]:
    """Without CUDA graphs, small decode batches wait for the CPU."""
    for name in ("disable-cuda-graph", "disable-decode-cuda-graph"):
        path, off = asked_at(model, name) or ("", None)
        if off is True and model.role != PREFILL:
            yield Finding(path, "decoding without CUDA graphs waits for the CPU in every step", "remove it")
            return


@rules.rule("kernels.graph-sizes", source="sglang 0.5.8 server_args.py: cuda_graph_bs and cuda_graph_max_bs")
def graph_sizes_stay_below_the_limit(model: ModelSettings) -> Iterator[Finding]:
    """Memory is planned for graphs up to cudaGraphMaxBatchSize."""
    path, sizes = next(
        (found for name in ("cuda-graph-bs-decode", "cuda-graph-bs") if (found := asked_at(model, name))), ("", None)
    )
    if not isinstance(sizes, list):
        return
    largest = max((size for size in sizes if isinstance(size, int)), default=0)
    limit = model.cuda_graph_max_batch_size
    if limit is None:
        yield Finding(
            path,
            f"graphs up to a batch of {largest} need their memory planned",
            f"set cudaGraphMaxBatchSize: {largest}",
        )
    elif largest != limit:
        yield Finding(
            path,
            f"the largest graph is {largest}, and memory is planned for {limit}",
            f"set cudaGraphMaxBatchSize: {largest}",
        )


@rules.rule("kernels.compile-padding", source="sglang 0.5.13.post1 server_args.py check_server_args")
def compiled_batches_are_padded(model: ModelSettings) -> Iterator[Finding]:
    """Without padding every batch size would be compiled on its own."""
    path, compiled = asked_at(model, "enable-torch-compile") or ("", None)
    if compiled is True and argument(model, "disable-cuda-graph-padding") is True:
        yield Finding(
            path, "torch compile without padding compiles every batch size on its own", "keep cudaGraph.padding"
        )


@rules.rule("kernels.compile-off", source="sglang docs: server_arguments.md")
def compile_settings_need_compilation(model: ModelSettings) -> Iterator[Finding]:
    """The largest compiled batch means something only where anything is compiled."""
    path, largest = asked_at(model, "torch-compile-max-bs") or ("", None)
    if largest is not None and argument(model, "enable-torch-compile") is not True:
        yield Finding(path, "nothing is compiled", "set kernels.torchCompile: true, or remove it")


@rules.rule("kernels.fp8-cache", source="sglang 0.5.8 server_args.py:1778", severity=Severity.WARNING)
def the_cache_type_suits_the_attention(model: ModelSettings) -> Iterator[Finding]:
    """FlashAttention 3 has fp8_e4m3 only, and gives way to Triton for fp8_e5m2."""
    for path, backend in _attention(model):
        if backend == "fa3" and model.kv_cache_dtype == "fp8_e5m2":
            yield Finding(path, "fa3 does not read fp8_e5m2 and gives way to triton", "use kvCacheDtype: fp8_e4m3")


@rules.rule("kernels.sparse", source="sglang/srt/models/deepseek_v2.py: indexer")
def sparse_kernels_have_sparse_attention(model: ModelSettings) -> Iterator[Finding]:
    """Kernels of sparse attention are for models that have it."""
    facts = facts_of(model)
    for name in ("dsa-prefill-backend", "dsa-decode-backend", "nsa-prefill-backend", "nsa-decode-backend"):
        found = asked_at(model, name)
        if found and facts and facts.indexer is None:
            yield Finding(found[0], f"{facts.id} has no sparse attention", "remove it")
            return


@rules.rule("kernels.deterministic", source="sglang 0.5.8 server_args.py _handle_deterministic_inference")
def deterministic_kernels_are_those_that_can_be(model: ModelSettings) -> Iterator[Finding]:
    """The same answer in any batch comes with three attention back ends only."""
    able = ("fa3", "flashinfer", "triton", *(("fa4",) if at_least(model.engine.version, "0.5.17") else ()))
    if argument(model, "enable-deterministic-inference") is not True:
        return
    for path, backend in _attention(model):
        if backend not in able:
            yield Finding(path, f"{backend} is not deterministic", f"use one of {', '.join(able)}")


def _attention(model: ModelSettings) -> Iterator[tuple[str, str]]:
    """Path and name of every attention back end that is set."""
    for name in ATTENTION_FLAGS:
        path, backend = asked_at(model, name) or ("", None)
        if isinstance(backend, str):
            yield path, backend
