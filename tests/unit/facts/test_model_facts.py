"""The model table against parameter counts and file sizes that the models' publishers name."""

import pytest

from components.facts.encoders import encoder_of
from components.facts.engines import SUPPORTED, engine
from components.facts.models import UnknownModel, find_model, model, models
from components.serving.memory.weights import checkpoint_gib

GB = 1e9 / 2**30


@pytest.mark.parametrize(
    ("id", "gigabytes", "tolerance"),
    [
        ("Qwen/Qwen3-30B-A3B", 61.1, 0.005),
        ("Qwen/Qwen3-30B-A3B-FP8", 31, 0.02),
        ("Qwen/Qwen3-235B-A22B", 470, 0.005),
        ("Qwen/Qwen3-235B-A22B-FP8", 237, 0.005),
        ("Qwen/Qwen3-32B", 65.5, 0.005),
        ("meta-llama/Llama-3.1-8B", 16.06, 0.005),
        ("meta-llama/Llama-3.1-70B", 141.1, 0.005),
        ("meta-llama/Llama-3.1-405B", 811.7, 0.005),
        ("RedHatAI/Meta-Llama-3.1-405B-Instruct-FP8", 410, 0.005),
        ("deepseek-ai/DeepSeek-V3", 689, 0.005),
        ("moonshotai/Kimi-K2-Instruct", 1029, 0.005),
        ("moonshotai/Kimi-K2-Thinking", 594, 0.005),
        ("zai-org/GLM-4.6", 717, 0.005),
        ("zai-org/GLM-5", 1490, 0.02),
        ("MiniMaxAI/MiniMax-M2", 230, 0.005),
        ("openai/gpt-oss-120b", 65, 0.005),
        ("Qwen/Qwen2.5-72B", 145.4, 0.005),
        ("Qwen/Qwen2.5-VL-7B-Instruct", 16.584333, 0.00001),
        ("Qwen/Qwen3-VL-8B-Instruct", 17.534247, 0.00001),
    ],
)
def test_the_checkpoint_is_as_large_as_published(id, gigabytes, tolerance):
    assert checkpoint_gib(model(id)) == pytest.approx(gigabytes * GB, rel=tolerance)


QWEN2_VL = {
    "depth": 32,
    "embed_dim": 1280,
    "mlp_ratio": 4,
    "hidden_size": 3584,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}


def test_an_encoder_has_the_published_number_of_parameters():
    """The checkpoints' totals less those of their language models, of Qwen2.5-7B and Qwen3-8B."""
    qwen25, qwen3 = (model(name).encoder for name in ("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen3-VL-8B-Instruct"))
    assert qwen25 is not None
    assert qwen3 is not None
    assert qwen25.parameters == 8_292_166_656 - 7_615_616_512
    assert qwen3.parameters == 8_767_123_696 - 8_190_735_360
    qwen2 = encoder_of("Qwen2VLForConditionalGeneration", QWEN2_VL)
    assert qwen2 is not None
    assert qwen2.parameters == 8_291_375_616 - 7_615_616_512


@pytest.mark.parametrize("config", [None, {}, {**QWEN2_VL, "depth": "many"}, {**QWEN2_VL, "embed_dim": 0}])
def test_an_encoder_that_cannot_be_read_is_not_counted(config):
    assert encoder_of("Qwen2VLForConditionalGeneration", config) is None
    assert encoder_of("SomeVision", QWEN2_VL) is None


def test_ids_are_found_in_any_case():
    assert find_model("qwen/qwen3-8b") is model("Qwen/Qwen3-8B")


def test_an_unknown_model_names_close_ids():
    with pytest.raises(UnknownModel, match="did you mean") as error:
        model("Qwen/Qwen3-9B")
    assert "Qwen/Qwen3-8B" in error.value.close


def test_every_parser_exists_in_every_release_that_has_the_model():
    known = {version: engine(version).flags for version in SUPPORTED}
    for row in models().values():
        for version in SUPPORTED:
            for option, parser in (
                ("--tool-call-parser", row.tool_call_parser),
                ("--reasoning-parser", row.reasoning_parser),
            ):
                choices = known[version][option].choices
                assert parser is None or choices is None or parser in choices, (row.id, version, parser)


def test_every_row_names_its_source():
    assert all(row.source and row.quantization.source for row in models().values())


def test_gated_models_are_those_of_meta():
    assert all(row.id.startswith("meta-llama/") == row.gated for row in models().values())


def test_layers_divide_into_dense_and_routed():
    r1 = model("deepseek-ai/DeepSeek-R1")
    assert (r1.dense_mlp_layers, r1.moe_layers) == (3, 58)
    llama = model("meta-llama/Llama-3.1-8B")
    assert (llama.dense_mlp_layers, llama.moe_layers) == (32, 0)
