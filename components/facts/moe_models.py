"""Mixture-of-experts models: the numbers of each checkpoint's config.json.

Sources: "OME" is sgl-project/ome@17b77ed pkg/hfutil/modelconfig/testdata (copies of config.json), "HF" the defaults of
the model's configuration class in transformers 5.x, which are those of the first checkpoint of that class. Parsers are
those of the SGLang cookbook (sgl-project/sgl-cookbook@7b5bd9c), all of them present in every supported engine version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from components.facts.model_facts import Indexer, Mla, ModelFacts
from components.facts.quantizations import BF16, FP8, FP8_BLOCK, INT4_EXPERTS, MXFP4_EXPERTS


def moe_models() -> Iterator[ModelFacts]:
    """Every mixture-of-experts model, families together."""
    yield from _qwen3()
    yield from _deepseek()
    yield from _kimi()
    yield from _glm()
    yield from _others()


def _qwen3() -> Iterator[ModelFacts]:
    qwen3_30b = ModelFacts(
        id="Qwen/Qwen3-30B-A3B",
        source="OME qwen3_30b.json",
        architecture="Qwen3MoeForCausalLM",
        layers=48,
        hidden_size=2048,
        attention_heads=32,
        kv_heads=4,
        head_dim=128,
        vocab_size=151936,
        intermediate_size=6144,
        context_length=40960,
        quantization=BF16,
        experts=128,
        experts_per_token=8,
        moe_intermediate_size=768,
        tool_call_parser="qwen",
        reasoning_parser="qwen3",
    )
    qwen3_235b = replace(
        qwen3_30b,
        id="Qwen/Qwen3-235B-A22B",
        source="config.json of Qwen/Qwen3-235B-A22B; 235.09 B parameters by its model card",
        layers=94,
        hidden_size=4096,
        attention_heads=64,
        intermediate_size=12288,
        moe_intermediate_size=1536,
    )
    for base in (qwen3_30b, qwen3_235b):
        thinking = replace(
            base, id=f"{base.id}-Thinking-2507", context_length=262144, reasoning_parser="qwen3-thinking"
        )
        instruct = replace(base, id=f"{base.id}-Instruct-2507", context_length=262144, reasoning_parser=None)
        for variant in (base, thinking, instruct):
            yield variant
            yield replace(variant, id=f"{variant.id}-FP8", quantization=FP8_BLOCK)


def _deepseek() -> Iterator[ModelFacts]:
    v3 = ModelFacts(
        id="deepseek-ai/DeepSeek-V3",
        source="OME deepseek_v3.json",
        architecture="DeepseekV3ForCausalLM",
        layers=61,
        hidden_size=7168,
        attention_heads=128,
        kv_heads=128,
        head_dim=192,
        vocab_size=129280,
        intermediate_size=18432,
        context_length=163840,
        quantization=FP8_BLOCK,
        dense_layers=3,
        experts=256,
        experts_per_token=8,
        shared_experts=1,
        moe_intermediate_size=2048,
        mla=Mla(kv_lora_rank=512, qk_rope_head_dim=64, q_lora_rank=1536, qk_nope_head_dim=128, v_head_dim=128),
        mtp_layers=1,
        tool_call_parser="deepseekv3",
    )
    yield v3
    yield replace(v3, id="deepseek-ai/DeepSeek-V3-0324")
    yield replace(v3, id="deepseek-ai/DeepSeek-R1", reasoning_parser="deepseek-r1")
    yield replace(v3, id="deepseek-ai/DeepSeek-R1-0528", reasoning_parser="deepseek-r1")
    yield replace(v3, id="deepseek-ai/DeepSeek-V3.1", tool_call_parser="deepseekv31", reasoning_parser="deepseek-v3")
    v32 = replace(
        v3,
        id="deepseek-ai/DeepSeek-V3.2",
        source="OME deepseek_v3.json; indexer of 64 heads of 128: config.json of deepseek-ai/DeepSeek-V3.2-Exp",
        architecture="DeepseekV32ForCausalLM",
        indexer=Indexer(heads=64, head_dim=128),
        tool_call_parser="deepseekv32",
        reasoning_parser="deepseek-v3",
    )
    yield v32
    yield replace(v32, id="deepseek-ai/DeepSeek-V3.2-Exp")


def _kimi() -> Iterator[ModelFacts]:
    k2 = ModelFacts(
        id="moonshotai/Kimi-K2-Instruct",
        source="OME kimi_k2_instruct.json",
        architecture="DeepseekV3ForCausalLM",
        layers=61,
        hidden_size=7168,
        attention_heads=64,
        kv_heads=64,
        head_dim=192,
        vocab_size=163840,
        intermediate_size=18432,
        context_length=131072,
        quantization=FP8_BLOCK,
        dense_layers=1,
        experts=384,
        experts_per_token=8,
        shared_experts=1,
        moe_intermediate_size=2048,
        mla=Mla(kv_lora_rank=512, qk_rope_head_dim=64, q_lora_rank=1536, qk_nope_head_dim=128, v_head_dim=128),
        tool_call_parser="kimi_k2",
        trust_remote_code=True,
    )
    yield k2
    yield replace(k2, id="moonshotai/Kimi-K2-Instruct-0905", context_length=262144)
    yield replace(
        k2,
        id="moonshotai/Kimi-K2-Thinking",
        context_length=262144,
        quantization=INT4_EXPERTS,
        reasoning_parser="kimi_k2",
    )


def _glm() -> Iterator[ModelFacts]:
    glm46 = ModelFacts(
        id="zai-org/GLM-4.6",
        source="GLM-4.5 in THUDM/slime scripts/models; context of config.json of zai-org/GLM-4.6",
        architecture="Glm4MoeForCausalLM",
        layers=92,
        hidden_size=5120,
        attention_heads=96,
        kv_heads=8,
        head_dim=128,
        vocab_size=151552,
        intermediate_size=12288,
        context_length=202752,
        quantization=BF16,
        dense_layers=3,
        experts=160,
        experts_per_token=8,
        shared_experts=1,
        moe_intermediate_size=1536,
        mtp_layers=1,
        attention_bias=True,
        tool_call_parser="glm45",
        reasoning_parser="glm45",
    )
    yield glm46
    yield replace(glm46, id="zai-org/GLM-4.6-FP8", quantization=FP8)
    yield replace(glm46, id="zai-org/GLM-4.5", context_length=131072)
    yield replace(glm46, id="zai-org/GLM-4.5-FP8", context_length=131072, quantization=FP8)
    glm5 = ModelFacts(
        id="zai-org/GLM-5",
        source="HF GlmMoeDsaConfig",
        architecture="GlmMoeDsaForCausalLM",
        layers=78,
        hidden_size=6144,
        attention_heads=64,
        kv_heads=64,
        head_dim=256,
        vocab_size=154880,
        intermediate_size=12288,
        context_length=202752,
        quantization=BF16,
        dense_layers=3,
        experts=256,
        experts_per_token=8,
        shared_experts=1,
        moe_intermediate_size=2048,
        mla=Mla(kv_lora_rank=512, qk_rope_head_dim=64, q_lora_rank=2048, qk_nope_head_dim=192, v_head_dim=256),
        indexer=Indexer(heads=32, head_dim=128),
        mtp_layers=1,
        tool_call_parser="glm47",
        reasoning_parser="glm45",
        minimum_engine="0.5.9",
    )
    yield glm5
    yield replace(glm5, id="zai-org/GLM-5-FP8", quantization=FP8_BLOCK)


def _others() -> Iterator[ModelFacts]:
    yield ModelFacts(
        id="MiniMaxAI/MiniMax-M2",
        source="HF MiniMaxM2Config",
        architecture="MiniMaxM2ForCausalLM",
        layers=62,
        hidden_size=3072,
        attention_heads=48,
        kv_heads=8,
        head_dim=128,
        vocab_size=200064,
        intermediate_size=1536,
        context_length=196608,
        quantization=FP8_BLOCK,
        experts=256,
        experts_per_token=8,
        moe_intermediate_size=1536,
        tool_call_parser="minimax-m2",
        reasoning_parser="minimax-append-think",
        trust_remote_code=True,
    )
    gpt_oss = ModelFacts(
        id="openai/gpt-oss-120b",
        source="OME gpt_oss_120b.json",
        architecture="GptOssForCausalLM",
        layers=36,
        hidden_size=2880,
        attention_heads=64,
        kv_heads=8,
        head_dim=64,
        vocab_size=201088,
        intermediate_size=2880,
        context_length=131072,
        quantization=MXFP4_EXPERTS,
        experts=128,
        experts_per_token=4,
        moe_intermediate_size=2880,
        sliding_layers=18,
        sliding_window=128,
        attention_bias=True,
        tool_call_parser="gpt-oss",
        reasoning_parser="gpt-oss",
    )
    yield gpt_oss
    yield replace(
        gpt_oss, id="openai/gpt-oss-20b", source="OME gpt_oss_20b.json", layers=24, experts=32, sliding_layers=12
    )
