"""How checkpoints, and `--quantization`, store weights: bytes per parameter, scales included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TWO_BYTES: Final = 2.0
_FP8_BLOCK: Final = 1 + 4 / (128 * 128)
_AWQ: Final = 0.5 + 2.5 / 128


@dataclass(frozen=True, slots=True)
class Quantization:
    """Bytes per parameter by kind of layer.

    `attention` is for attention projections, `mlp` for dense and shared MLPs, `experts` for routed experts; embeddings,
    the output head, norms and router gates stay at two bytes whatever the recipe. `block` is the side of the square of
    weights that one scale covers: a rank's shard must hold whole blocks. `needs_fp8_cores` says which layers have no
    kernel on GPUs without FP8 tensor cores: `"experts"` (dense FP8 layers run there as weight-only Marlin), or None.
    `engine_name` is what `--quantization` calls it, None where it is only ever read from the checkpoint.
    """

    name: str
    attention: float
    mlp: float
    experts: float
    source: str
    block: int | None = None
    needs_fp8_cores: str | None = None
    engine_name: str | None = None


BF16: Final = Quantization("bf16", _TWO_BYTES, _TWO_BYTES, _TWO_BYTES, "bfloat16: two bytes per parameter")
FP8_BLOCK: Final = Quantization(
    "fp8-block",
    _FP8_BLOCK,
    _FP8_BLOCK,
    _FP8_BLOCK,
    "quantization_config of DeepSeek-V3 and Qwen3-FP8: weight_block_size [128, 128], a float32 scale per block",
    block=128,
    needs_fp8_cores="experts",
)
FP8: Final = Quantization(
    "fp8",
    1.0,
    1.0,
    1.0,
    "one byte per parameter, a scale per channel or tensor (compressed-tensors FP8, or --quantization fp8)",
    needs_fp8_cores="experts",
    engine_name="fp8",
)
FP8_MLP: Final = Quantization(
    "fp8-mlp",
    _TWO_BYTES,
    1 + 2 / 126,
    1.0,
    "Llama-3.1-405B-Instruct-FP8: fbgemm_fp8; attention and the MLPs of the first and last of 126 layers stay bf16, "
    "as 57.75 GiB per GPU at tp8 confirm (vllm-project/vllm#6746)",
)
MXFP4_EXPERTS: Final = Quantization(
    "mxfp4-experts",
    _TWO_BYTES,
    _TWO_BYTES,
    0.5 + 1 / 32,
    "gpt-oss: experts at 4 bits, a scale byte per 32; the rest bf16 (modules_to_not_convert in its config.json)",
)
INT4_EXPERTS: Final = Quantization(
    "int4-experts",
    _TWO_BYTES,
    _TWO_BYTES,
    0.5 + 2 / 32,
    "Kimi-K2-Thinking: experts at 4 bits, a bf16 scale per 32; the rest bf16: 594 GB, as commonly quoted",
)
AWQ: Final = Quantization(
    "awq",
    _AWQ,
    _AWQ,
    _AWQ,
    "AWQ, 4 bits, group size 128: a float16 scale and a 4-bit zero per group",
    engine_name="awq",
)

QUANTIZATIONS: Final = {row.name: row for row in (BF16, FP8_BLOCK, FP8, FP8_MLP, MXFP4_EXPERTS, INT4_EXPERTS, AWQ)}
"""Every recipe by its name."""
