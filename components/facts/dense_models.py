"""Dense models: the numbers of each checkpoint's config.json.

Sources: "OME" is sgl-project/ome@17b77ed pkg/hfutil/modelconfig/testdata (copies of config.json), "HF" the defaults of
the model's configuration class in transformers 5.x, which are those of the first checkpoint of that class. Parsers are
those of the SGLang cookbook (sgl-project/sgl-cookbook@7b5bd9c), all of them present in every supported engine version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from components.facts.model_facts import ModelFacts
from components.facts.quantizations import AWQ, BF16, FP8, FP8_BLOCK, FP8_MLP


def dense_models() -> Iterator[ModelFacts]:
    """Every dense model, families together."""
    yield from _qwen3()
    yield from _qwen25()
    yield from _llama()


def _qwen3() -> Iterator[ModelFacts]:
    qwen3_8b = ModelFacts(
        id="Qwen/Qwen3-8B",
        source="OME qwen3_8b_fp8.json",
        architecture="Qwen3ForCausalLM",
        layers=36,
        hidden_size=4096,
        attention_heads=32,
        kv_heads=8,
        head_dim=128,
        vocab_size=151936,
        intermediate_size=12288,
        context_length=40960,
        quantization=BF16,
        tool_call_parser="qwen",
        reasoning_parser="qwen3",
    )
    qwen3_4b = replace(
        qwen3_8b,
        id="Qwen/Qwen3-4B",
        source="OME qwen3_4b.json",
        hidden_size=2560,
        intermediate_size=9728,
        tied_embeddings=True,
    )
    qwen3_32b = replace(
        qwen3_8b,
        id="Qwen/Qwen3-32B",
        source="config.json of Qwen/Qwen3-32B; 32.76 B parameters by its model card",
        layers=64,
        hidden_size=5120,
        attention_heads=64,
        intermediate_size=25600,
    )
    for base in (qwen3_4b, qwen3_8b, qwen3_32b):
        yield base
        yield replace(base, id=f"{base.id}-FP8", quantization=FP8_BLOCK)


def _qwen25() -> Iterator[ModelFacts]:
    qwen25_72b = ModelFacts(
        id="Qwen/Qwen2.5-72B",
        source="OME qwen2.5_72b.json",
        architecture="Qwen2ForCausalLM",
        layers=80,
        hidden_size=8192,
        attention_heads=64,
        kv_heads=8,
        head_dim=128,
        vocab_size=152064,
        intermediate_size=29568,
        context_length=131072,
        quantization=BF16,
        attention_bias=True,
    )
    yield qwen25_72b
    instruct = replace(
        qwen25_72b,
        id="Qwen/Qwen2.5-72B-Instruct",
        source="config.json of Qwen/Qwen2.5-72B-Instruct: max_position_embeddings 32768 without YaRN",
        context_length=32768,
        tool_call_parser="qwen25",
    )
    yield instruct
    yield replace(instruct, id="Qwen/Qwen2.5-72B-Instruct-AWQ", quantization=AWQ)
    qwen25_32b = replace(
        qwen25_72b,
        id="Qwen/Qwen2.5-32B",
        source="OME qwen2.5_32b.json",
        layers=64,
        hidden_size=5120,
        attention_heads=40,
        intermediate_size=27648,
    )
    yield qwen25_32b
    yield replace(
        qwen25_32b,
        id="deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
        source="config.json: a Qwen2.5-32B (OME qwen2.5_32b.json)",
        reasoning_parser="deepseek-r1",
    )
    yield replace(
        qwen25_32b,
        id="Qwen/QwQ-32B",
        source="config.json: a Qwen2.5-32B (OME qwen2.5_32b.json)",
        tool_call_parser="qwen25",
        reasoning_parser="deepseek-r1",
    )


def _llama() -> Iterator[ModelFacts]:
    llama_8b = ModelFacts(
        id="meta-llama/Llama-3.1-8B",
        source="config.json of meta-llama/Llama-3.1-8B; 8.03 B parameters by its model card",
        architecture="LlamaForCausalLM",
        layers=32,
        hidden_size=4096,
        attention_heads=32,
        kv_heads=8,
        head_dim=128,
        vocab_size=128256,
        intermediate_size=14336,
        context_length=131072,
        quantization=BF16,
        gated=True,
    )
    llama_1b = replace(
        llama_8b,
        id="meta-llama/Llama-3.2-1B",
        source="OME llama3_2_1b.json",
        layers=16,
        hidden_size=2048,
        head_dim=64,
        intermediate_size=8192,
        tied_embeddings=True,
    )
    llama_70b = replace(
        llama_8b,
        id="meta-llama/Llama-3.1-70B",
        source="OME llama3_1.json",
        layers=80,
        hidden_size=8192,
        attention_heads=64,
        intermediate_size=28672,
    )
    llama_405b = replace(
        llama_8b,
        id="meta-llama/Llama-3.1-405B",
        source="OME llama3_1_405b.json",
        layers=126,
        hidden_size=16384,
        attention_heads=128,
        intermediate_size=53248,
    )
    for base in (llama_1b, llama_8b, llama_70b, llama_405b):
        yield base
        yield replace(base, id=f"{base.id}-Instruct", tool_call_parser="llama3")
    yield replace(
        llama_70b, id="meta-llama/Llama-3.3-70B-Instruct", source="as Llama-3.1-70B", tool_call_parser="llama3"
    )
    yield replace(
        llama_405b,
        id="meta-llama/Llama-3.1-405B-Instruct-FP8",
        quantization=FP8_MLP,
        tool_call_parser="llama3",
    )
    for base in (llama_8b, llama_70b, llama_405b):
        size = base.id.rsplit("-", 1)[1]
        yield replace(
            base,
            id=f"RedHatAI/Meta-Llama-3.1-{size}-Instruct-FP8",
            source=f"{base.source}; every linear layer FP8 but lm_head",
            quantization=FP8,
            tool_call_parser="llama3",
            gated=False,
        )
        yield replace(
            base,
            id=f"hugging-quants/Meta-Llama-3.1-{size}-Instruct-AWQ-INT4",
            source=f"{base.source}; AWQ, group size 128",
            quantization=AWQ,
            tool_call_parser="llama3",
            gated=False,
        )
