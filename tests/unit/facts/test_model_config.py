"""A model described by its own config.json equals its row of the table."""

from contextlib import suppress
from dataclasses import fields

import pytest

from components.facts.model_config import from_config
from components.facts.model_facts import ModelFacts
from components.facts.models import model
from components.facts.quantizations import AWQ, FP8, FP8_BLOCK, INT4_EXPERTS, MXFP4_EXPERTS

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "rope_scaling": {"factor": 8.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"},
    "torch_dtype": "bfloat16",
}

DEEPSEEK = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
    "rope_scaling": {"factor": 40, "original_max_position_embeddings": 4096, "type": "yarn"},
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "num_nextn_predict_layers": 1,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}

NOT_IN_THE_CONFIG = {
    "id", "source", "gated", "tool_call_parser", "reasoning_parser", "trust_remote_code", "minimum_engine",
    "dense_layers",
}  # fmt: skip


@pytest.mark.parametrize(("config", "id"), [(LLAMA, "meta-llama/Llama-3.1-8B"), (DEEPSEEK, "deepseek-ai/DeepSeek-V3")])
def test_a_config_gives_the_numbers_of_the_table(config, id):
    read, row = from_config(id, config), model(id)
    names = {field.name for field in fields(ModelFacts)} - NOT_IN_THE_CONFIG
    assert {name: getattr(read, name) for name in names} == {name: getattr(row, name) for name in names}
    assert read.dense_mlp_layers == row.dense_mlp_layers


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"quant_method": "fp8"}, FP8),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, FP8_BLOCK),
        ({"quant_method": "mxfp4"}, MXFP4_EXPERTS),
        ({"quant_method": "awq", "bits": 4}, AWQ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            FP8,
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"weights": {"num_bits": 4, "type": "int"}}},
                "ignore": ["lm_head", "re:.*self_attn.*"],
            },
            INT4_EXPERTS,
        ),
    ],
)
def test_the_quantization_is_recognized(recipe, expected):
    assert from_config("a/b", LLAMA | {"quantization_config": recipe}).quantization is expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": None}, "no hidden_size"),
        ({"torch_dtype": "float32"}, "float32"),
        ({"quantization_config": {"quant_method": "exotic"}}, "exotic"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 8}}, "gptq"),
        ({"quantization_config": {"quant_method": "fp8", "weight_block_size": [64, 64]}}, "64"),
        ({"linear_num_value_heads": 32}, "state instead of a KV cache"),
        ({"kv_lora_rank": 512}, "no qk_rope_head_dim, qk_nope_head_dim, v_head_dim"),
        ({"index_head_dim": 128}, "no index_n_heads"),
        ({"num_attention_heads": 0}, "no num_attention_heads"),
        ({"num_key_value_heads": "8"}, "no whole number from 0 on in num_key_value_heads"),
        ({"quantization_config": "fp8"}, "another kind of value in quantization_config"),
        ({"rope_scaling": {"factor": "4"}}, r"another kind of value in rope_scaling\.factor"),
    ],
)
def test_what_cannot_be_sized_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        from_config("a/b", LLAMA | change)


@pytest.mark.parametrize("value", [None, 0, -1, True, "8", 0.5, [], ["a"], {}, {"a": 1}])
@pytest.mark.parametrize("config", [LLAMA, DEEPSEEK], ids=["llama", "deepseek"])
def test_whatever_a_stack_file_holds_is_read_or_refused(config, value):
    """Callers catch ValueError: a configuration by hand must end in nothing else."""
    for key in {*LLAMA, *DEEPSEEK, "head_dim", "index_head_dim", "layer_types", "sliding_window", "text_config"}:
        with suppress(ValueError):
            assert from_config("a/b", config | {key: value}).layers > 0


def test_a_rope_factor_lengthens_the_context_unless_it_is_in_the_length():
    assert from_config("a/b", LLAMA | {"rope_scaling": {"factor": 4.0, "type": "linear"}}).context_length == 524288
    assert from_config("a/b", LLAMA).context_length == 131072


def test_the_text_part_of_a_multimodal_config_is_read():
    read = from_config("a/b", {"architectures": ["SomeVision"], "text_config": LLAMA, "vision_config": {"depth": 3}})
    assert (read.layers, read.vision) == (32, True)


def test_sliding_layers_are_counted_from_the_layer_types():
    kinds = ["sliding_attention", "full_attention"] * 16
    assert from_config("a/b", LLAMA | {"layer_types": kinds, "sliding_window": 128}).sliding_layers == 16
