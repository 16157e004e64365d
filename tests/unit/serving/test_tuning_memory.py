"""What adapters, drafts and the hierarchical cache take, against the sums of the engine's own tensors."""

from __future__ import annotations

import pytest

from components.facts.instances import GPUS
from components.facts.models import model as known
from components.serving.hierarchical_cache.memory import device_gib, host_gib
from components.serving.lookup import checkpoint_gib, facts_of, size_model
from components.serving.lora.memory import adapters_gib
from components.serving.memory.demands import Demands
from components.serving.memory.drafts import separate_draft_gib
from components.serving.memory.ranks import Ranks
from components.serving.memory.weights import weights_gib
from components.serving.settings import ModelSettings
from components.serving.sizing import Sizing, size
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, R1, model

GIB = 2**30
H100 = GPUS["H100"]
LLAMA = known("meta-llama/Llama-3.1-8B")
EAGLE3 = {
    "architectures": ["LlamaForCausalLMEagle3"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 1,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 2048,
}


def sized(settings: ModelSettings) -> Sizing:
    facts = facts_of(settings)
    assert facts is not None
    return size_model(settings, facts, H100)


def test_adapters_take_the_engines_buffers() -> None:
    """lora/mem_pool.py for Llama-3.1-8B, rank 16, 8 a batch: A is rank x inputs, B outputs x rank, in bf16."""
    qkv = 16 * (3 * 4096 + 128 * (32 + 2 * 8))
    output, gate_up, down = 16 * (4096 + 4096), 16 * (2 * 4096 + 2 * 14336), 16 * (14336 + 4096)
    expected = 8 * 32 * (qkv + output + gate_up + down) * 2 / GIB
    assert adapters_gib(LLAMA, Ranks(1), rank=16, per_batch=8, modules=["all"]) == pytest.approx(expected)
    assert adapters_gib(LLAMA, Ranks(1), rank=16, per_batch=8, modules=None) == pytest.approx(expected)


def test_tensor_ranks_divide_outputs_or_inputs_of_adapters() -> None:
    """Row-parallel modules divide A's inputs, the others B's outputs; KV heads are repeated beyond one a rank."""
    qkv = 8 * (3 * 4096 + 128 * (32 / 16 + 2))
    output = 8 * (4096 / 16 + 4096)
    expected = 4 * 32 * (qkv + output) * 2 / GIB
    found = adapters_gib(LLAMA, Ranks(16), rank=8, per_batch=4, modules=["q_proj", "v_proj", "o_proj"])
    assert found == pytest.approx(expected)


def test_experts_each_have_adapters_of_their_own() -> None:
    mixture = known("Qwen/Qwen3-30B-A3B")
    expected = 8 * 48 * 128 * 16 * (2 * 2048 + 2 * 768) * 2 / GIB
    assert adapters_gib(mixture, Ranks(1), rank=16, per_batch=8, modules=["gate_proj"]) == pytest.approx(expected)


def test_adapters_leave_less_kv_cache_and_the_same_checkpoint() -> None:
    plain = model(QWEN_8B)
    adapted = model(QWEN_8B, lora={"maxRank": 64, "targetModules": ["all"]})
    gib = adapters_gib(known("Qwen/Qwen3-8B"), Ranks(1), rank=64, per_batch=8, modules=["all"])
    lost = (sized(plain).kv_tokens - sized(adapted).kv_tokens) * sized(plain).kv_bytes_per_token / GIB
    assert lost == pytest.approx(gib, rel=1e-3)
    assert checkpoint_gib(adapted, sized(adapted)) == pytest.approx(checkpoint_gib(plain, sized(plain)))


def test_a_standalone_draft_is_counted_with_its_weights_and_layers() -> None:
    """0.5.17 model_executor/pool_configurator.py: a draft's KV cache is planned in layers of the model."""
    draft = known("meta-llama/Llama-3.2-1B")
    plain = size(LLAMA, H100, tensor=1, engine_version="0.5.17")
    drafting = size(
        LLAMA, H100, tensor=1, engine_version="0.5.17", speculative="STANDALONE", demands=Demands(draft=draft)
    )
    own = weights_gib(draft, draft.quantization, Ranks(1))[0]
    assert drafting.weights_gib_per_gpu - plain.weights_gib_per_gpu == pytest.approx(own, rel=0.02)
    assert drafting.kv_bytes_per_token == plain.kv_bytes_per_token * (32 + 16) // 32
    assert drafting.max_running_requests == 48


def test_an_older_release_has_its_draft_beside_the_static_fraction() -> None:
    draft = known("meta-llama/Llama-3.2-1B")
    with_draft = size(
        LLAMA, H100, tensor=1, engine_version="0.5.8", speculative="STANDALONE", demands=Demands(draft=draft)
    )
    without = size(LLAMA, H100, tensor=1, engine_version="0.5.8", speculative="STANDALONE")
    assert with_draft.kv_tokens == without.kv_tokens
    draft_cache = 16 * with_draft.kv_tokens * with_draft.kv_bytes_per_token / 32 / GIB
    assert without.headroom_gib - with_draft.headroom_gib == pytest.approx(
        separate_draft_gib(draft, Ranks(1)) + draft_cache, rel=1e-3
    )


def test_an_eagle_head_is_read_from_its_configuration() -> None:
    speculative = {"algorithm": "EAGLE3", "draft": {"model": "me/head", "configuration": EAGLE3}}
    drafting = model(QWEN_8B, speculative=speculative)
    assert sized(drafting).weights_gib_per_gpu > sized(model(QWEN_8B)).weights_gib_per_gpu + 1
    assert sized(drafting).kv_bytes_per_token == sized(model(QWEN_8B)).kv_bytes_per_token * 37 // 36


def test_own_prediction_layers_need_no_draft() -> None:
    drafting = sized(model(R1, speculative={"algorithm": "nextn"}))
    assert drafting.weights_gib_per_gpu > sized(model(R1)).weights_gib_per_gpu
    assert drafting.max_running_requests == 48


def test_ngram_takes_no_gpu_memory() -> None:
    plain, drafting = sized(model(QWEN_8B)), sized(model(QWEN_8B, speculative={"algorithm": "NGRAM"}))
    assert (drafting.kv_tokens, drafting.weights_gib_per_gpu) == (plain.kv_tokens, plain.weights_gib_per_gpu)
    assert drafting.max_running_requests == 48


def test_scheduling_moves_the_sizes_that_the_engine_would_move() -> None:
    base = sized(model(QWEN_8B))
    assert sized(model(QWEN_8B, scheduling={"maxTotalTokens": 65536})).kv_tokens == 65536
    assert sized(model(QWEN_8B, scheduling={"maxRunningRequests": 32})).max_running_requests == 32
    larger = sized(model(QWEN_8B, scheduling={"chunkedPrefillSize": 32768}))
    assert larger.headroom_gib != base.headroom_gib
    assert larger.mem_fraction_static < base.mem_fraction_static
    by_name = sized(model(QWEN_8B, arguments={"chunked-prefill-size": 32768}))
    assert by_name == larger


def test_the_host_pool_follows_ratio_or_size() -> None:
    settings = model(QWEN_30B, hierarchicalCache={"ratio": 3})
    sizing = sized(settings)
    assert settings.hierarchical_cache is not None
    assert host_gib(settings.hierarchical_cache, sizing) == pytest.approx(3 * device_gib(sizing))
    default = model(QWEN_30B, hierarchicalCache={}).hierarchical_cache
    assert default is not None
    assert host_gib(default, sizing) == pytest.approx(2 * device_gib(sizing))
    fixed = model(QWEN_30B, hierarchicalCache={"sizeGB": 100}).hierarchical_cache
    assert fixed is not None
    assert host_gib(fixed, sizing) == pytest.approx(100e9 / GIB)
