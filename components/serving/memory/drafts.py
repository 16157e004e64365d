"""How much of a draft model of its own each GPU holds."""

from __future__ import annotations

from typing import Final

from components.facts.model_facts import ModelFacts
from components.serving.memory.ranks import Ranks
from components.serving.memory.weights import GIB, weights_gib

_BF16: Final = 2
"""Bytes of a parameter."""


def separate_draft_gib(draft: ModelFacts, ranks: Ranks) -> float:
    """GiB on one GPU of a draft model of its own, which runs on all tensor ranks.

    An EAGLE head fuses three hidden states, which is counted for every draft, and shares the model's embeddings, which
    is not: for such a head this is some hundred MiB too much.
    """
    whole = Ranks(ranks.tensor, data=ranks.data, dp_attention=ranks.dp_attention)
    return weights_gib(draft, draft.quantization, whole)[0] + 3 * draft.hidden_size**2 * _BF16 / GIB
