"""What a vision encoder takes of a GPU, and what the engine sets aside for its inputs."""

from __future__ import annotations

from typing import Final

from components.facts.model_facts import ModelFacts
from components.serving.memory.ranks import Ranks

_GIB: Final = 2**30
_BYTES: Final = 2
"""Of a parameter: checkpoints keep encoders in bf16."""


def encoder_gib(model: ModelFacts, ranks: Ranks, *, data_parallel: bool = False) -> float:
    """GiB of the encoder's weights on one GPU; 0 where its numbers are not known.

    Attention ranks share its layers; `data_parallel` (`--mm-enable-dp-encoder`) keeps all of it on each (sglang
    layers/attention/vision.py: use_data_parallel). Every pipeline stage is given one, as the models build it there.
    """
    if model.encoder is None:
        return 0.0
    shared = model.encoder.divided / (1 if data_parallel else ranks.attention)
    return (shared + model.encoder.whole) * _BYTES / _GIB


def whole_encoder_gib(model: ModelFacts) -> float:
    """GiB of the encoder in the checkpoint's files."""
    return model.encoder.parameters * _BYTES / _GIB if model.encoder else 0.0


def reserve_factor(model: ModelFacts) -> float:
    """By what the engine multiplies its default fraction, to keep room for an encoder's inputs and activations.

    0.5.8 server_args.py, adjust_mem_fraction_for_vlm: 0.95, and a tenth less for each time that the encoder is larger
    than ViT-L (24 layers of 1024), between 0.8 and 1.05 of that.
    """
    if model.encoder is None:
        return 1.0
    size = model.encoder.layers * model.encoder.hidden_size**2 / (24 * 1024**2)
    return 0.95 * max(0.8, min(1.05, 1.0 - 0.1 * (size - 1.0)))
