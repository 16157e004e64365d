"""A layout of ranks: how many GPUs a model is spread over, and in which way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranks:
    """Degrees of parallelism, as SGLang counts them.

    `tensor` is the tensor-parallel size over all nodes of a group (`--tp-size`). `data` counts data-parallel ranks:
    with `dp_attention` they divide the tensor ranks, without it each is a further copy of the model. `expert` divides
    the tensor ranks for the routed experts (`--ep-size`). `dense_tensor` is `--moe-dense-tp-size`: 1 keeps the dense
    MLPs of a mixture-of-experts model whole on every rank. `all_to_all`: an all-to-all backend carries the experts'
    tokens, so that every tensor rank is an expert rank and shared experts are whole on each.
    """

    tensor: int
    pipeline: int = 1
    data: int = 1
    dp_attention: bool = False
    expert: int = 1
    dense_tensor: int | None = None
    all_to_all: bool = False

    @property
    def attention(self) -> int:
        """Ranks that one attention layer is divided over."""
        return max(1, self.tensor // self.data) if self.dp_attention else self.tensor

    @property
    def experts(self) -> int:
        """Expert ranks in effect."""
        return self.tensor if self.all_to_all else self.expert

    @property
    def expert_tensor(self) -> int:
        """Ranks that one routed expert is divided over."""
        return max(1, self.tensor // self.experts)

    @property
    def dense(self) -> int:
        """Ranks that a dense MLP is divided over."""
        return self.dense_tensor or self.tensor

    @property
    def shared(self) -> int:
        """Ranks that the shared experts are divided over."""
        return 1 if self.all_to_all else self.tensor

    @property
    def gpus(self) -> int:
        """GPUs of one group."""
        return self.tensor * self.pipeline * (1 if self.dp_attention else self.data)


def stages(layers: int, pipeline: int) -> Iterator[range]:
    """The layers of each pipeline stage; a remainder goes to the last stages (SGLang distributed/utils.py)."""
    base, extra = divmod(layers, pipeline)
    start = 0
    for stage in range(pipeline):
        end = start + base + (1 if stage >= pipeline - extra else 0)
        yield range(start, end)
        start = end
