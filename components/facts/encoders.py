"""Vision encoders: how many parameters one has, by the numbers of a checkpoint's `vision_config`.

Counted tensor by tensor as transformers builds them, which gives the published totals to the parameter: Qwen2-VL-7B
675,759,104, Qwen2.5-VL-7B 676,550,144, Qwen3-VL-8B 576,388,336 (each the checkpoint's safetensors total less that of
its language model). An encoder of another family is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_CHANNELS: Final = 3


@dataclass(frozen=True, slots=True)
class Encoder:
    """A vision encoder of two bytes a parameter. Tensor ranks share the `divided` parameters (attention, MLP, mergers)
    and hold the others whole: patch and position embeddings, norms. `layers` and `hidden_size` are what SGLang judges
    its size by when it sets memory aside for inputs.
    """

    divided: int
    whole: int
    layers: int
    hidden_size: int

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.divided + self.whole


def encoder_of(architecture: str, config: Any) -> Encoder | None:
    """The encoder of a `vision_config`; None for a family that is not counted, or numbers that cannot be read."""
    count = _FAMILIES.get(architecture)
    if count is None or not isinstance(config, Mapping):
        return None
    try:
        divided, whole = count(_Numbers(config))
    except KeyError:
        return None
    # Of a class without the attribute the engine takes its own 24 layers (0.5.8 server_args.py).
    return Encoder(divided, whole, _whole(config.get("num_hidden_layers"), 24), _whole(config.get("hidden_size"), 1024))


class _Numbers:
    """Whole numbers by key; KeyError for one that is absent or none."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def __getitem__(self, key: str) -> int:
        if found := _whole(self._config.get(key), 0):
            return found
        raise KeyError(key)

    def indexes(self, key: str) -> int:
        """How many elements a list has."""
        found = self._config.get(key)
        if not isinstance(found, list):
            raise KeyError(key)
        return len(found)


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _attention(width: int) -> int:
    return _linear(width, 3 * width) + _linear(width, width)


def _merger(width: int, out: int) -> int:
    return _linear(width, width) + _linear(width, out)


def _qwen2_vl(of: _Numbers) -> tuple[int, int]:
    width, depth = of["embed_dim"], of["depth"]
    merged = width * of["spatial_merge_size"] ** 2
    middle = width * of["mlp_ratio"]
    block = _attention(width) + _linear(width, middle) + _linear(middle, width)
    patches = _CHANNELS * of["temporal_patch_size"] * of["patch_size"] ** 2 * width
    return depth * block + _merger(merged, of["hidden_size"]), patches + depth * 4 * width + 2 * width


def _qwen25_vl(of: _Numbers) -> tuple[int, int]:
    width, depth, middle = of["hidden_size"], of["depth"], of["intermediate_size"]
    merged = width * of["spatial_merge_size"] ** 2
    block = _attention(width) + 2 * _linear(width, middle) + _linear(middle, width)
    patches = _CHANNELS * of["temporal_patch_size"] * of["patch_size"] ** 2 * width
    return depth * block + _merger(merged, of["out_hidden_size"]), patches + depth * 2 * width + width


def _qwen3_vl(of: _Numbers) -> tuple[int, int]:
    width, depth, middle = of["hidden_size"], of["depth"], of["intermediate_size"]
    merged, deep = width * of["spatial_merge_size"] ** 2, of.indexes("deepstack_visual_indexes")
    block = _attention(width) + _linear(width, middle) + _linear(middle, width)
    patches = _linear(_CHANNELS * of["temporal_patch_size"] * of["patch_size"] ** 2, width)
    norms = depth * 4 * width + 2 * width + deep * 2 * merged
    mergers = (1 + deep) * _merger(merged, of["out_hidden_size"])
    return depth * block + mergers, patches + of["num_position_embeddings"] * width + norms


_FAMILIES: Final[Mapping[str, Callable[[_Numbers], tuple[int, int]]]] = {
    "Qwen2VLForConditionalGeneration": _qwen2_vl,
    "Qwen2_5_VLForConditionalGeneration": _qwen25_vl,
    "Qwen3VLForConditionalGeneration": _qwen3_vl,
    "Qwen3VLMoeForConditionalGeneration": _qwen3_vl,
}
"""Numbers of parameters that ranks divide, and that they do not, by architecture."""
