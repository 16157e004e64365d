"""What settings beside the layout ask of a GPU's memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from components.facts.model_facts import ModelFacts

SLIDING_TO_FULL: Final = 0.8
"""The engine's own `--swa-full-tokens-ratio`: tokens that sliding-window layers keep per token of the full layers."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a launch asks for. `prefill_chunk` are the tokens of a prefill chunk before data-parallel ranks share it
    (None for the engine's own, 0 or less for whole prompts), `running_requests` and `total_tokens` upper limits of
    requests and KV tokens, None for none; `sliding_to_full` is what sliding-window layers keep of a full layer's
    tokens. `encoder_whole`: each rank holds a model's whole encoder. `adapters_gib` are the GiB of adapters on one GPU;
    `draft` is a draft model of its own, None where the model's own prediction layers draft, or nothing does.
    """

    prefill_chunk: int | None = None
    running_requests: int | None = None
    total_tokens: int | None = None
    sliding_to_full: float = SLIDING_TO_FULL
    adapters_gib: float = 0.0
    draft: ModelFacts | None = None
    encoder_whole: bool = False


NOTHING: Final = Demands()
"""The engine's own choice of everything."""
