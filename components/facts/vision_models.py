"""Models that see: the numbers of each checkpoint's config.json, the encoder's among them.

Sources as in `components.facts.dense_models`; "HF total" is the number of parameters that Hugging Face names for the
checkpoint's safetensors, which the numbers of the row come to but for the last norms.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.facts.encoders import encoder_of
from components.facts.model_facts import ModelFacts
from components.facts.quantizations import BF16

_QWEN25 = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "out_hidden_size": 3584,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
_QWEN3 = {
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "out_hidden_size": 4096,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [8, 16, 24],
}


def vision_models() -> Iterator[ModelFacts]:
    """Every model with an encoder."""
    yield ModelFacts(
        id="Qwen/Qwen2.5-VL-7B-Instruct",
        source="OME qwen2.5_vl_7b.json; HF total 8,292,166,656",
        architecture="Qwen2_5_VLForConditionalGeneration",
        layers=28,
        hidden_size=3584,
        attention_heads=28,
        kv_heads=4,
        head_dim=128,
        vocab_size=152064,
        intermediate_size=18944,
        context_length=128000,
        quantization=BF16,
        attention_bias=True,
        vision=True,
        encoder=encoder_of("Qwen2_5_VLForConditionalGeneration", _QWEN25),
    )
    yield ModelFacts(
        id="Qwen/Qwen3-VL-8B-Instruct",
        source="HF transformers qwen3_vl (encoder), Qwen3-8B (text); HF total 8,767,123,696",
        architecture="Qwen3VLForConditionalGeneration",
        layers=36,
        hidden_size=4096,
        attention_heads=32,
        kv_heads=8,
        head_dim=128,
        vocab_size=151936,
        intermediate_size=12288,
        context_length=262144,
        quantization=BF16,
        vision=True,
        encoder=encoder_of("Qwen3VLForConditionalGeneration", _QWEN3),
    )
