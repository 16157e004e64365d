"""Sizing against what engines logged, what the engine's own rules give, and what must hold for every layout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.facts.engines import SUPPORTED
from components.facts.instances import A10G, A100_40, A100_80, B200, GPUS, H100, H200, L4, L40S
from components.facts.models import model, models
from components.facts.quantizations import FP8, FP8_BLOCK
from components.serving.memory.defaults import default_graph_limit, mem_fraction_static
from components.serving.memory.kv_cache import bytes_per_token, max_running_requests, pool_tokens
from components.serving.memory.ranks import Ranks, stages
from components.serving.memory.weights import weights_gib
from components.serving.sizing import effective_quantization, preload_gib, size

R1 = model("deepseek-ai/DeepSeek-R1")
QWEN_30B = model("Qwen/Qwen3-30B-A3B")
LLAMA_8B = model("meta-llama/Llama-3.1-8B")
LLAMA_70B = model("meta-llama/Llama-3.1-70B")


def cell(id, gpu=H100, *, tensor=1, dtype="auto", version="0.5.8", **ranks):
    (value,) = bytes_per_token(model(id), gpu, Ranks(tensor, **ranks), dtype=dtype, version=version)
    return value


# What was published.


@pytest.mark.parametrize(
    ("id", "tensor", "dtype", "tokens", "gib"),
    [
        ("Qwen/Qwen3-235B-A22B-FP8", 4, "auto", 367404, 16.46),
        ("meta-llama/Llama-3.1-8B", 1, "auto", 38141, 4.66),
        ("Qwen/QwQ-32B", 4, "auto", 46611, 2.84),
        ("deepseek-ai/DeepSeek-V3", 8, "fp8_e4m3", 524288, 17.16),
    ],
)
def test_logged_pools_have_our_bytes_per_token(id, tensor, dtype, tokens, gib):
    """vllm#21348 and published SGLang start-up logs: #tokens and the pool's size."""
    assert tokens * cell(id, tensor=tensor, dtype=dtype) / 2**30 == pytest.approx(gib, rel=0.005)


@pytest.mark.parametrize(
    ("id", "tensor", "weights", "available", "fraction", "tokens"),
    [
        ("meta-llama/Llama-3.1-8B", 1, 15.02, 7.37, 0.879, 38141),
        ("Qwen/QwQ-32B", 4, 15.54, 6.09, 0.85, 46611),
    ],
)
def test_logged_tokens_follow_from_logged_memory(id, tensor, weights, available, fraction, tokens):
    predicted = pool_tokens(available, available + weights, fraction, cell(id, tensor=tensor))
    assert predicted == pytest.approx(tokens, rel=0.03)


@pytest.mark.parametrize(
    ("id", "ranks", "spares", "logged"),
    [
        ("meta-llama/Llama-3.1-8B", Ranks(1), 0, 15.02),
        ("Qwen/QwQ-32B", Ranks(4), 0, 15.54),
        ("deepseek-ai/DeepSeek-V3", Ranks(8), 0, 79.4),
        ("deepseek-ai/DeepSeek-V3", Ranks(8, 1, 8, True, 8, 1, True), 32, 105.59),
        ("meta-llama/Llama-3.1-405B-Instruct-FP8", Ranks(8), 0, 57.75),
    ],
)
def test_weights_are_as_large_as_logged(id, ranks, spares, logged):
    """Among them sglang#3416, sglang#6017 and vllm#6746."""
    known = model(id)
    (weights,) = weights_gib(known, known.quantization, ranks, redundant_experts=spares)
    assert weights == pytest.approx(logged, rel=0.03)


@pytest.mark.parametrize(
    ("gpu", "tensor", "logged"),
    [(H100, 1, 78.47), (H100, 8, 77.45), (H200, 8, 137.6), (B200, 1, 177.6), (L4, 4, 21.63)],
)
def test_memory_before_the_weights_is_as_logged(gpu, tensor, logged):
    assert preload_gib(gpu, tensor) == pytest.approx(logged, rel=0.01)


def test_deepseek_r1_on_one_h200_node_is_within_three_percent_of_the_documented_log():
    """docs/advanced_features/hyperparameter_tuning.md: max_total_num_tokens=665690."""
    assert size(R1, H200, tensor=8, engine_version="0.5.8").kv_tokens == pytest.approx(665690, rel=0.03)


def test_qwen3_235b_at_93_percent_is_within_three_percent_of_the_log():
    """vllm#21348: 4 x H100, --mem-fraction-static 0.93: 367404 tokens."""
    sizing = size(model("Qwen/Qwen3-235B-A22B-FP8"), H100, tensor=4, mem_fraction_static=0.93, engine_version="0.5.8")
    assert sizing.fits
    assert sizing.kv_tokens == pytest.approx(367404, rel=0.03)


def test_deepseek_r1_at_82_percent_is_within_three_percent_of_what_was_observed():
    """ai-dynamo/aisimulate#263: 8 x H200, --mem-fraction-static 0.82, bf16 KV cache: about 509k tokens."""
    assert size(R1, H200, tensor=8, mem_fraction_static=0.82, engine_version="0.5.17").kv_tokens == pytest.approx(
        509_000, rel=0.03
    )


def test_running_requests_are_clamped_as_logged():
    """The same document: 665690 tokens of context 65536 would be 5200, the log says 4096."""
    assert max_running_requests(665690, 65536, "0.5.8") == 4096
    assert max_running_requests(100_000, 131072, "0.5.8") == 2048
    assert max_running_requests(1000, 131072, "0.5.17") == 500


# The engine's own rules.

DEFAULTS_058 = {
    "H100": (H100, [0.835, 0.834, 0.824, 0.818, 0.805, 0.780], [0.592, 0.353, 0.790, 0.739], 0.793),
    "H200": (H200, [0.907, 0.906, 0.900, 0.897, 0.890, 0.875], [0.769, 0.633, 0.881, 0.852], 0.882),
    "B200": (B200, [0.857, 0.856, 0.855, 0.852, 0.846, 0.835], [0.751, 0.645, 0.839, 0.817], 0.841),
    "A100-40": (A100_40, [0.833, 0.830, 0.817, 0.805, 0.780, 0.730], [0.711, 0.592, 0.731, 0.631], 0.755),
    "L40S": (L40S, [0.851, 0.849, 0.837, 0.826, 0.804, 0.760], [0.743, 0.637, 0.761, 0.672], 0.782),
    "A10G": (A10G, [0.837, 0.831, 0.815, 0.793, 0.748, 0.660], [0.710, 0.582, 0.655, 0.478], 0.704),
}


def fraction(gpu, ranks, *, version="0.5.8", graphs=None, known=LLAMA_70B, **role):
    from components.serving.memory.defaults import Role

    limit = graphs or default_graph_limit(gpu, ranks.tensor, version)
    return mem_fraction_static(known, gpu, ranks, version, graph_limit=limit, role=Role(**role))


@pytest.mark.parametrize("name", DEFAULTS_058)
def test_default_fractions_of_058(name):
    """Computed from the wheel's own formula: tensor 1 to 32; then tensor 8 and 16 with as many attention ranks."""
    gpu, plain, wide, eagle = DEFAULTS_058[name]
    assert [fraction(gpu, Ranks(2**power)) for power in range(6)] == plain
    eight, sixteen = Ranks(8, data=8, dp_attention=True), Ranks(16, data=16, dp_attention=True)
    assert [
        fraction(gpu, eight, graphs=512 if gpu.memory_mib > 61440 else None),
        fraction(gpu, sixteen, graphs=512 if gpu.memory_mib > 61440 else None),
    ] == wide[:2] or gpu in (A100_40, L40S, A10G)
    assert fraction(gpu, Ranks(8), speculative="EAGLE") == eagle


@pytest.mark.parametrize("name", ["H100", "H200", "B200"])
def test_default_fractions_of_058_with_a_small_graph_limit(name):
    gpu, _, wide, _ = DEFAULTS_058[name]
    eight, sixteen = Ranks(8, data=8, dp_attention=True), Ranks(16, data=16, dp_attention=True)
    assert [fraction(gpu, eight, graphs=128), fraction(gpu, sixteen, graphs=128)] == wide[2:]


def test_prefill_graphs_lower_the_default_since_0513():
    """Facts: 58 sizes of 8 MiB on an H100, .83 printed."""
    assert fraction(H100, Ranks(1), version="0.5.13.post1") == pytest.approx(0.83, abs=0.001)
    assert fraction(H100, Ranks(1), version="0.5.8") > fraction(H100, Ranks(1), version="0.5.17")


def test_latent_attention_reserves_for_prefill_graphs_only_where_they_run():
    assert fraction(H200, Ranks(8), known=R1, version="0.5.17") == fraction(H200, Ranks(8), known=R1, version="0.5.8")
    assert fraction(H200, Ranks(8), known=R1, version="0.5.23") < fraction(H200, Ranks(8), known=R1, version="0.5.17")
    assert fraction(B200, Ranks(8), known=R1, version="0.5.23") == fraction(B200, Ranks(8), known=R1, version="0.5.8")


def test_0523_takes_larger_chunks_on_24_gib_gpus():
    assert fraction(A10G, Ranks(4), version="0.5.23") < fraction(A10G, Ranks(4), version="0.5.17")


def test_attention_ranks_get_a_small_graph_limit():
    assert size(R1, H200, tensor=8, data=8, dp_attention=True).cuda_graph_max_bs == 128
    assert size(R1, H200, tensor=8).cuda_graph_max_bs == 512


@pytest.mark.parametrize(
    ("id", "tensor", "expected"),
    [
        ("Qwen/Qwen3-30B-A3B", 1, 98304),
        ("Qwen/Qwen3-30B-A3B", 8, 24576),
        ("Qwen/Qwen3-235B-A22B", 16, 48128),
        ("meta-llama/Llama-3.1-70B", 4, 81920),
        ("meta-llama/Llama-3.1-405B", 16, 64512),
        ("deepseek-ai/DeepSeek-V3", 16, 70272),
        ("deepseek-ai/DeepSeek-V3.2", 8, 78324),
        ("zai-org/GLM-4.6", 8, 47104),
        ("zai-org/GLM-5", 8, 100152),
        ("MiniMaxAI/MiniMax-M2", 4, 63488),
    ],
)
def test_bytes_per_token(id, tensor, expected):
    assert cell(id, tensor=tensor) == expected


def test_attention_ranks_divide_kv_heads_less():
    assert cell("Qwen/Qwen3-235B-A22B", tensor=8, data=4, dp_attention=True) == 192512 // 2


def test_fp8_halves_the_cache_and_is_the_default_of_sparse_attention_on_blackwell():
    assert cell("deepseek-ai/DeepSeek-V3", dtype="fp8_e4m3") == 35136
    assert cell("deepseek-ai/DeepSeek-V3.2", H200, dtype="fp8_e4m3", version="0.5.17") == 48068
    assert cell("deepseek-ai/DeepSeek-V3.2", B200) == cell("deepseek-ai/DeepSeek-V3.2", B200, dtype="fp8_e4m3")


def test_sliding_layers_keep_eight_tenths():
    """gpt-oss: 18 full layers and 18 of 0.8, 2048 bytes each."""
    assert cell("openai/gpt-oss-120b") == int(2048 * (18 + 0.8 * 18))


def test_a_remainder_of_layers_goes_to_the_last_stages():
    assert [len(layers) for layers in stages(61, 4)] == [15, 15, 15, 16]


# What fits, as the facts' table has it.


@pytest.mark.parametrize(
    ("id", "gpu", "tensor", "fits"),
    [
        ("Qwen/Qwen3-30B-A3B", H100, 1, True),
        ("Qwen/Qwen3-30B-A3B-FP8", L40S, 1, True),
        ("Qwen/Qwen3-235B-A22B-FP8", H100, 4, True),
        ("meta-llama/Llama-3.1-70B", H100, 2, False),
        ("meta-llama/Llama-3.1-70B", H100, 4, True),
        ("RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8", H100, 2, True),
        ("meta-llama/Llama-3.1-405B", H100, 16, True),
        ("meta-llama/Llama-3.1-405B", H200, 8, True),
        ("deepseek-ai/DeepSeek-R1", H100, 16, True),
        ("deepseek-ai/DeepSeek-R1", H200, 8, True),
        ("deepseek-ai/DeepSeek-R1", H100, 8, False),
        ("deepseek-ai/DeepSeek-V3.2", H200, 8, True),
        ("moonshotai/Kimi-K2-Instruct", H200, 8, False),
        ("moonshotai/Kimi-K2-Instruct", H200, 16, True),
        ("moonshotai/Kimi-K2-Instruct", B200, 8, True),
        ("moonshotai/Kimi-K2-Instruct", H100, 16, False),
        ("moonshotai/Kimi-K2-Thinking", H200, 8, True),
        ("moonshotai/Kimi-K2-Thinking", H100, 8, False),
        ("zai-org/GLM-4.6-FP8", H100, 8, True),
        ("MiniMaxAI/MiniMax-M2", H100, 4, False),
        ("MiniMaxAI/MiniMax-M2", H200, 4, True),
        ("openai/gpt-oss-120b", H100, 2, True),
    ],
)
def test_what_holds_one_request_of_the_whole_context(id, gpu, tensor, fits):
    assert size(model(id), gpu, tensor=tensor, engine_version="0.5.8").fits is fits


def test_a_higher_fraction_makes_room_that_the_default_lacks():
    sizing = size(model("MiniMaxAI/MiniMax-M2"), H100, tensor=4, mem_fraction_static=0.9)
    assert sizing.fits
    assert sizing.kv_tokens == pytest.approx(270272, rel=0.03)


def test_the_shipped_layouts_fit():
    assert size(model("Qwen/Qwen3-8B"), L4, tensor=4, pipeline=2, nodes=2, context_length=32768).fits
    assert size(R1, H100, tensor=16, nodes=2, context_length=65536).fits
    thinking = model("Qwen/Qwen3-30B-A3B-Thinking-2507")
    assert size(thinking, L40S, tensor=4, context_length=131072).fits


# Why a layout does not fit.


@pytest.mark.parametrize(
    ("id", "gpu", "layout", "reason"),
    [
        ("Qwen/Qwen3-235B-A22B-FP8", H100, {"tensor": 8}, "over 8 ranks are 192; use expert 2 or 4 or 8"),
        ("Qwen/Qwen3-30B-A3B-FP8", H100, {"tensor": 4}, "over 4 ranks are 192; use expert 2 or 4"),
        ("Qwen/Qwen3-30B-A3B-FP8", H100, {"tensor": 8, "expert": 2}, "use expert 4 or 8"),
        ("MiniMaxAI/MiniMax-M2", H100, {"tensor": 8}, "use expert 2 or 4 or 8"),
        ("deepseek-ai/DeepSeek-R1", H100, {"tensor": 32, "expert": 32, "nodes": 4}, "set the dense tensor size to 1"),
        ("Qwen/Qwen3-30B-A3B", H100, {"tensor": 6}, "32 attention heads do not divide over 6"),
        ("meta-llama/Llama-3.1-8B", H100, {"tensor": 2, "expert": 2}, "has none"),
        ("Qwen/Qwen3-30B-A3B", H100, {"tensor": 4, "expert": 3}, "expert 3 does not divide tensor 4"),
        ("Qwen/Qwen3-30B-A3B", H100, {"tensor": 4, "data": 3, "dp_attention": True}, "not a multiple of data 3"),
        (
            "Qwen/Qwen3-30B-A3B",
            H100,
            {"tensor": 4, "expert": 4, "redundant_experts": 2},
            "130 experts with 2 redundant",
        ),
        ("meta-llama/Llama-3.2-1B", H100, {"tensor": 1, "pipeline": 17}, "more than the model's 16 layers"),
        ("Qwen/Qwen3-8B", H100, {"tensor": 4, "nodes": 3}, "4 ranks do not divide over 3 nodes"),
        ("zai-org/GLM-5", H200, {"tensor": 16, "engine_version": "0.5.8"}, "it came with 0.5.9"),
        ("deepseek-ai/DeepSeek-R1", A100_80, {"tensor": 16}, "FP8 experts need FP8 tensor cores"),
        ("deepseek-ai/DeepSeek-R1", H100, {"tensor": 8}, "79.5 GiB of weights per GPU, and 77.4 GiB free"),
        ("meta-llama/Llama-3.1-70B", H100, {"tensor": 2}, "it begins above a static fraction of 0.849"),
        ("moonshotai/Kimi-K2-Instruct", H200, {"tensor": 8}, "less than one request of 131072"),
        ("Qwen/Qwen3-8B", H100, {"tensor": 1, "mem_fraction_static": 0.99}, "too little for activations"),
    ],
)
def test_the_reason_is_named(id, gpu, layout, reason):
    sizing = size(model(id), gpu, **layout)
    assert not sizing.fits
    assert reason in sizing.reason


def test_one_reason_never_hides_another():
    reason = size(model("Qwen/Qwen3-30B-A3B-FP8"), A100_80, tensor=6).reason
    assert reason.count(";") >= 2


def test_a_dense_fp8_model_runs_without_fp8_cores():
    """SGLang runs it as weight-only Marlin from compute capability 8.0 on."""
    assert size(model("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8"), A100_40, tensor=1, context_length=8192).fits


def test_the_remedy_for_block_shards_works():
    assert size(model("Qwen/Qwen3-235B-A22B-FP8"), H100, tensor=8, expert=2).fits
    assert size(R1, H200, tensor=32, expert=32, dense_tensor=1, all_to_all=True, nodes=4).fits


# Quantization and drafts.


def test_the_checkpoints_own_precision_is_kept_or_replaced():
    assert effective_quantization(R1, None) is FP8_BLOCK
    assert effective_quantization(R1, "fp8") is FP8_BLOCK
    assert effective_quantization(LLAMA_8B, "fp8") is FP8


def test_runtime_fp8_halves_the_linear_weights():
    plain, quantized = (size(LLAMA_70B, H100, tensor=4, quantization=name) for name in (None, "fp8"))
    assert 0.5 < quantized.weights_gib_per_gpu / plain.weights_gib_per_gpu < 0.53


@pytest.mark.parametrize("unknown", [{"quantization": "exotic"}, {"kv_cache_dtype": "int3"}])
def test_what_is_not_known_is_an_error(unknown):
    with pytest.raises(ValueError, match="known are"):
        size(LLAMA_8B, H100, tensor=1, **unknown)


def test_a_draft_takes_room_of_its_own_since_0517():
    plain, drafting = (size(R1, H200, tensor=8, speculative=name) for name in (None, "EAGLE"))
    assert drafting.weights_gib_per_gpu - plain.weights_gib_per_gpu == pytest.approx(1.5, abs=0.2)
    assert drafting.kv_bytes_per_token == plain.kv_bytes_per_token * 62 // 61
    assert drafting.max_running_requests == 48


# What holds for every layout.

ids = st.sampled_from(sorted(models()))
gpus = st.sampled_from(sorted(GPUS.values(), key=lambda gpu: gpu.name))
versions = st.sampled_from(SUPPORTED)
degrees = st.sampled_from([1, 2, 4, 8, 16])


@given(ids, gpus, degrees, degrees, versions)
def test_numbers_are_consistent(id, gpu, tensor, pipeline, version):
    sizing = size(model(id), gpu, tensor=tensor, pipeline=pipeline, engine_version=version)
    assert sizing.fits == (sizing.reason == "")
    assert sizing.kv_tokens >= 0
    assert sizing.max_context == min(model(id).context_length, sizing.kv_tokens)
    assert 0 < sizing.mem_fraction_static < 1
    assert sizing == size(model(id), gpu, tensor=tensor, pipeline=pipeline, engine_version=version)


@given(ids, gpus, versions)
def test_more_tensor_ranks_hold_less_each_and_cache_no_less(id, gpu, version):
    layouts = [
        size(model(id), gpu, tensor=2**power, engine_version=version, mem_fraction_static=0.8) for power in range(4)
    ]
    weights = [layout.weights_gib_per_gpu for layout in layouts]
    assert weights == sorted(weights, reverse=True)
    shards = [tensor for tensor in (1, 2, 4, 8) if tensor <= model(id).kv_heads]
    cached = [layout.kv_tokens for layout in layouts[: len(shards)]]
    assert cached == sorted(cached)


@given(ids, gpus, degrees, st.floats(0.5, 0.9), st.floats(0.001, 0.09))
def test_a_larger_fraction_never_caches_less(id, gpu, tensor, fraction, more):
    lower, higher = (
        size(model(id), gpu, tensor=tensor, mem_fraction_static=value).kv_tokens
        for value in (fraction, fraction + more)
    )
    assert lower <= higher


@given(ids, gpus, degrees, versions)
def test_an_fp8_cache_never_holds_less(id, gpu, tensor, version):
    plain, fp8 = (
        size(model(id), gpu, tensor=tensor, engine_version=version, kv_cache_dtype=name).kv_tokens
        for name in ("bf16", "fp8_e4m3")
    )
    assert plain <= fp8


@given(ids, degrees, st.sampled_from([1, 2, 4]))
def test_stages_hold_the_whole_model_once(id, tensor, pipeline):
    known = model(id)
    held = weights_gib(known, known.quantization, Ranks(tensor, pipeline))
    (alone,) = weights_gib(known, known.quantization, Ranks(tensor))
    extra = known.vocab_size * known.hidden_size * 2 / 2**30 if known.tied_embeddings and pipeline > 1 else 0
    assert sum(held) == pytest.approx(alone + 0.1 * (pipeline - 1) + extra / tensor, rel=1e-6)


@given(ids, gpus, st.sampled_from([2, 4, 8]))
def test_attention_ranks_replicate_attention(id, gpu, tensor):
    known = model(id)
    together, apart = (
        size(known, gpu, tensor=tensor, data=data, dp_attention=data > 1).weights_gib_per_gpu for data in (1, tensor)
    )
    assert together <= apart
