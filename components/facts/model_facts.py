"""What is known of one model: the numbers of its config.json that decide memory, ranks and flags.

Everything that sizing needs is derived from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.facts.encoders import Encoder
from components.facts.quantizations import Quantization


@dataclass(frozen=True, slots=True)
class Mla:
    """Multi-head latent attention: one compressed KV vector per token and layer, the same on every tensor rank."""

    kv_lora_rank: int
    qk_rope_head_dim: int
    q_lora_rank: int
    qk_nope_head_dim: int
    v_head_dim: int


@dataclass(frozen=True, slots=True)
class Indexer:
    """The indexer of sparse attention (DSA): `heads` query heads of `head_dim`, one key of `head_dim` per token."""

    heads: int
    head_dim: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One checkpoint. `id` is its Hugging Face id; the numbers are those of its config.json.

    `context_length` is in tokens, as the checkpoint is served without further settings. `dense_layers` counts the
    layers with a dense MLP of `intermediate_size`, the others have `experts` of `moe_intermediate_size`;
    `shared_experts` run for every token. `sliding_layers` keep only `sliding_window` tokens. `mtp_layers` are the
    multi-token prediction layers, which load only for speculative decoding. `tool_call_parser`, `reasoning_parser` are
    SGLang's names, None where the model has no such output. `minimum_engine` is the first SGLang release with the
    architecture. `vision`: it reads images; its `encoder` is None where that is not counted. `gated`: Hugging Face asks
    for a token of an account that accepted the licence.
    """

    id: str
    source: str
    architecture: str
    layers: int
    hidden_size: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    intermediate_size: int
    context_length: int
    quantization: Quantization
    dense_layers: int | None = None
    experts: int = 0
    experts_per_token: int = 0
    shared_experts: int = 0
    moe_intermediate_size: int = 0
    mla: Mla | None = None
    indexer: Indexer | None = None
    sliding_layers: int = 0
    sliding_window: int = 0
    mtp_layers: int = 0
    attention_bias: bool = False
    tied_embeddings: bool = False
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None
    minimum_engine: str = "0.5.8"
    gated: bool = False
    trust_remote_code: bool = False
    vision: bool = False
    encoder: Encoder | None = None

    @property
    def moe(self) -> bool:
        """Whether any layer has routed experts."""
        return self.experts > 0

    @property
    def moe_layers(self) -> int:
        """Layers with routed experts."""
        return self.layers - self.dense_mlp_layers if self.moe else 0

    @property
    def dense_mlp_layers(self) -> int:
        """Layers with a dense MLP."""
        if self.dense_layers is not None:
            return self.dense_layers
        return 0 if self.moe else self.layers

    @property
    def v_head_dim(self) -> int:
        """Width of one value head; equal to the key's except in MLA."""
        return self.mla.v_head_dim if self.mla else self.head_dim
