"""A model outside the table, described by its own `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.facts.encoders import encoder_of
from components.facts.model_facts import Indexer, Mla, ModelFacts
from components.facts.quantizations import AWQ, BF16, FP8, FP8_BLOCK, FP8_MLP, INT4_EXPERTS, MXFP4_EXPERTS, Quantization

_REQUIRED: Final = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "intermediate_size")
_DTYPES_OF_TWO_BYTES: Final = ("bfloat16", "float16")
_LATENT: Final = ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
"""Keys that latent attention needs beside `kv_lora_rank`."""
_OPTIONAL: Final = (
    "num_key_value_heads", "head_dim", "n_routed_experts", "num_experts", "num_local_experts", "num_experts_per_tok",
    "experts_per_token", "n_shared_experts", "moe_intermediate_size", "first_k_dense_replace", "kv_lora_rank",
    "q_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "index_n_heads", "index_head_dim",
    "sliding_window", "num_nextn_predict_layers", "max_position_embeddings",
)  # fmt: skip
"""Whole numbers that a configuration may leave out or set to null."""
_MAPPINGS: Final = ("quantization_config", "compression_config", "rope_scaling", "text_config")
_STATE_SPACE: Final = ("linear_num_value_heads", "mamba_num_heads", "ssm_state_size", "linear_attn_config")
"""Keys of models whose layers keep a state instead of a KV cache: their memory is not sized here."""


def from_config(id: str, config: Mapping[str, Any]) -> ModelFacts:
    """The facts of a `config.json`. Raises ValueError for one that lacks a number or holds what is not sized here.

    Of a multimodal model it is the text part that is read, and the vision encoder where its family is known.
    """
    text = _text_config(config)
    _check_types(id, config, text)
    latent = _LATENT if text.get("kv_lora_rank") else ()
    indexer = ("index_n_heads",) if text.get("index_head_dim") else ()
    missing = [key for key in (*_REQUIRED, *latent, *indexer) if not text.get(key)]
    if missing:
        raise ValueError(f"{id}: config.json has no {', '.join(missing)}")
    if state := next((key for key in _STATE_SPACE if text.get(key)), None):
        raise ValueError(f"{id}: {state} in config.json: layers with a state instead of a KV cache are not sized")
    heads = text["num_attention_heads"]
    mla = _mla(text)
    experts = _first(text, "n_routed_experts", "num_experts", "num_local_experts") or 0
    return ModelFacts(
        id=id,
        source="config.json",
        architecture=(config.get("architectures") or ["unknown"])[0],
        layers=text["num_hidden_layers"],
        hidden_size=text["hidden_size"],
        attention_heads=heads,
        kv_heads=text.get("num_key_value_heads") or heads,
        head_dim=_head_dim(text, mla, heads),
        vocab_size=text["vocab_size"],
        intermediate_size=text["intermediate_size"],
        context_length=_context_length(text),
        quantization=quantization_of(id, config, text),
        dense_layers=text.get("first_k_dense_replace") if experts else None,
        experts=experts,
        experts_per_token=_first(text, "num_experts_per_tok", "experts_per_token") or 0,
        shared_experts=text.get("n_shared_experts") or 0,
        moe_intermediate_size=(text.get("moe_intermediate_size") or text["intermediate_size"]) if experts else 0,
        mla=mla,
        indexer=Indexer(text["index_n_heads"], text["index_head_dim"]) if text.get("index_head_dim") else None,
        sliding_layers=sum(1 for kind in text.get("layer_types") or () if kind == "sliding_attention"),
        sliding_window=text.get("sliding_window") or 0,
        mtp_layers=text.get("num_nextn_predict_layers") or 0,
        attention_bias=bool(text.get("attention_bias")) or "Qwen2" in str(config.get("architectures")),
        tied_embeddings=bool(_first(text, "tie_word_embeddings") or config.get("tie_word_embeddings")),
        vision="vision_config" in config,
        encoder=encoder_of(str((config.get("architectures") or [""])[0]), config.get("vision_config")),
    )


def _check_types(id: str, config: Mapping[str, Any], text: Mapping[str, Any]) -> None:
    """A stack file can hold anything: what is read here is a whole number, a mapping or a list."""
    numbers = [key for key in (*_REQUIRED, *_OPTIONAL) if text.get(key) is not None and not _whole(text[key])]
    if numbers:
        raise ValueError(f"{id}: config.json has no whole number from 0 on in {', '.join(numbers)}")
    where = {**config, **text}
    broken = [key for key in _MAPPINGS if where.get(key) is not None and not isinstance(where[key], Mapping)]
    scaling = text.get("rope_scaling")
    if isinstance(scaling, Mapping) and not isinstance(scaling.get("factor", 1), int | float):
        broken.append("rope_scaling.factor")
    broken += [key for key in ("architectures", "layer_types") if not isinstance(where.get(key) or [], list)]
    if broken:
        raise ValueError(f"{id}: config.json has another kind of value in {', '.join(broken)}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def quantization_of(id: str, config: Mapping[str, Any], text: Mapping[str, Any]) -> Quantization:
    """The recipe that `quantization_config` names; raises ValueError for one that is not sized."""
    recipe = config.get("quantization_config") or text.get("quantization_config") or config.get("compression_config")
    if not recipe:
        dtype = str(_first(text, "torch_dtype", "dtype") or _first(config, "torch_dtype", "dtype") or "bfloat16")
        if dtype not in _DTYPES_OF_TWO_BYTES:
            raise ValueError(f"{id}: weights of {dtype} are not sized; SGLang serves bfloat16 and float16")
        return BF16
    method = str(recipe.get("quant_method", ""))
    if method == "fp8":
        return _fp8(id, recipe)
    if method == "compressed-tensors":
        return _compressed_tensors(id, recipe)
    known = {"fbgemm_fp8": FP8_MLP, "mxfp4": MXFP4_EXPERTS, "awq": AWQ, "gptq": AWQ}
    if method not in known or recipe.get("bits", 4) != 4:
        raise ValueError(f"{id}: quantization {method or 'without a method'} is not sized")
    return known[method]


def _fp8(id: str, recipe: Mapping[str, Any]) -> Quantization:
    block = recipe.get("weight_block_size")
    if block in (None, []):
        return FP8
    if list(block) != [128, 128]:
        raise ValueError(f"{id}: FP8 blocks of {block} are not sized, only [128, 128]")
    return FP8_BLOCK


def _compressed_tensors(id: str, recipe: Mapping[str, Any]) -> Quantization:
    groups = recipe.get("config_groups") or {}
    weights = next((group.get("weights") for group in _values(groups) if isinstance(group, Mapping)), None)
    bits, kind = (weights.get("num_bits"), weights.get("type")) if isinstance(weights, Mapping) else (None, None)
    if (bits, kind) == (8, "float"):
        return FP8
    if (bits, kind) == (4, "int"):
        return INT4_EXPERTS if any("self_attn" in str(name) for name in recipe.get("ignore") or ()) else AWQ
    raise ValueError(f"{id}: compressed-tensors weights of {bits} bits {kind} are not sized")


def _values(groups: object) -> list[Any]:
    return list(groups.values()) if isinstance(groups, Mapping) else []


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    text = config.get("text_config")
    return text if isinstance(text, dict) else config


def _mla(text: Mapping[str, Any]) -> Mla | None:
    if not text.get("kv_lora_rank"):
        return None
    return Mla(
        kv_lora_rank=text["kv_lora_rank"],
        qk_rope_head_dim=text["qk_rope_head_dim"],
        q_lora_rank=text.get("q_lora_rank") or 0,
        qk_nope_head_dim=text["qk_nope_head_dim"],
        v_head_dim=text["v_head_dim"],
    )


def _head_dim(text: Mapping[str, Any], mla: Mla | None, heads: int) -> int:
    if mla:
        return mla.qk_nope_head_dim + mla.qk_rope_head_dim
    return text.get("head_dim") or text["hidden_size"] // heads


def _context_length(text: Mapping[str, Any]) -> int:
    """Tokens, as in SGLang's `get_context_length`: a rope factor counts unless the length has it already."""
    length = text.get("max_position_embeddings") or 2048
    scaling = text.get("rope_scaling") or {}
    if "original_max_position_embeddings" in scaling or scaling.get("rope_type") == "llama3":
        return length
    return int(length * scaling.get("factor", 1))


def _first(mapping: Mapping[str, Any], *keys: str) -> Any:
    return next((mapping[key] for key in keys if mapping.get(key) is not None), None)
