"""Settings of kernels: back ends of attention, sampling and grammars, CUDA graphs, compilation, collectives.

Every field left out keeps the engine's own choice, which follows the GPU and the model.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.serving.engine.typed import Flag, Switch
from components.settings import PositiveInt, Settings

BatchSizes = Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=1, max_length=128)]
"""Batch sizes that get a graph of their own."""


class CudaGraphSettings(Settings):
    """CUDA graphs. Their largest decode batch is `cudaGraphMaxBatchSize`, which sizing sets."""

    decode: Annotated[bool | None, Switch(off=("--disable-decode-cuda-graph", "--disable-cuda-graph"))] = None
    """Whether decoding runs in graphs; without them each step waits for the CPU."""
    prefill: Annotated[
        bool | None,
        Switch(
            on=("--enable-piecewise-cuda-graph",),
            off=("--disable-prefill-cuda-graph", "--disable-piecewise-cuda-graph"),
        ),
    ] = None
    """Whether prefill runs in graphs; 0.5.8 has to be told so, later releases do by themselves."""
    decode_batch_sizes: Annotated[BatchSizes | None, Flag("--cuda-graph-bs-decode", "--cuda-graph-bs")] = None
    """Decode batches that get a graph; a batch in between is padded to the next."""
    padding: Annotated[bool | None, Switch(off=("--disable-cuda-graph-padding",))] = None
    """Whether a batch without a graph of its own is padded to the next; else it runs without one."""
    profile: Annotated[bool | None, Switch(on=("--enable-profile-cuda-graph",))] = None
    """Profiles the capture."""


class KernelSettings(Settings):
    """Back ends by phase, CUDA graphs, compilation and collectives. What is left out follows GPU and model."""

    attention: Annotated[str | None, Flag("--attention-backend")] = None
    """Attention of both phases, one of the release's choices: `fa3`, `flashinfer`, `trtllm_mha`, ..."""
    prefill_attention: Annotated[str | None, Flag("--prefill-attention-backend")] = None
    """Attention of prefill alone."""
    decode_attention: Annotated[str | None, Flag("--decode-attention-backend")] = None
    """Attention of decoding alone."""
    sparse_prefill_attention: Annotated[str | None, Flag("--dsa-prefill-backend", "--nsa-prefill-backend")] = None
    """Prefill kernel of sparse attention (DeepSeek-V3.2, GLM-5)."""
    sparse_decode_attention: Annotated[str | None, Flag("--dsa-decode-backend", "--nsa-decode-backend")] = None
    """Decode kernel of sparse attention."""
    sampling: Annotated[str | None, Flag("--sampling-backend")] = None
    """Sampling kernels: `flashinfer` or `pytorch`."""
    grammar: Annotated[str | None, Flag("--grammar-backend")] = None
    """Constrained output: `xgrammar`, `outlines`, `llguidance` or `none`."""
    fp8_gemm: Annotated[str | None, Flag("--fp8-gemm-backend")] = None
    """Matrix products of FP8 weights, one of the release's choices."""
    fp4_gemm: Annotated[str | None, Flag("--fp4-gemm-backend")] = None
    """Matrix products of FP4 weights, which Blackwell alone has."""
    cuda_graph: CudaGraphSettings | None = None
    """CUDA graphs."""
    torch_compile: Annotated[bool | None, Switch(on=("--enable-torch-compile",))] = None
    """Compiles small batches with torch; it pays for small dense models, and costs minutes at every start."""
    torch_compile_max_batch_size: Annotated[PositiveInt | None, Flag("--torch-compile-max-bs")] = None
    """Largest batch that is compiled."""
    custom_all_reduce: Annotated[bool | None, Switch(off=("--disable-custom-all-reduce",))] = None
    """Whether ranks of one node reduce by the engine's own kernel rather than by NCCL."""
    fused_all_reduce: Annotated[bool | None, Switch(on=("--enable-flashinfer-allreduce-fusion",))] = None
    """Fuses the all-reduce with the norm after it."""
    symmetric_memory: Annotated[bool | None, Switch(on=("--enable-symm-mem",))] = None
    """NCCL's symmetric memory, within NVLink."""
    nccl_nvls: Annotated[bool | None, Switch(on=("--enable-nccl-nvls",))] = None
    """NVLink SHARP for prefill."""
    mscclpp: Annotated[bool | None, Switch(on=("--enable-mscclpp",))] = None
    """MSCCL++ for small all-reduces of one node."""
    triton_kv_splits: Annotated[
        Annotated[int, Field(ge=1, le=256)] | None, Flag("--triton-attention-num-kv-splits")
    ] = None
    """Parts that Triton's decode attention cuts the KV cache into; more for longer contexts."""
    chunked_prefix_cache: Annotated[bool | None, Switch(off=("--disable-chunked-prefix-cache",))] = None
    """Whether prefill of latent attention reads a cached prefix in chunks."""
    deterministic: Annotated[bool | None, Switch(on=("--enable-deterministic-inference",))] = None
    """The same answer whatever else is in the batch, with slower kernels."""
