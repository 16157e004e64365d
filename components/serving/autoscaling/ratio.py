"""Keeps the numbers of prefill and decode groups in proportion while each follows its own signals. Pure.

Each phase has a least number that follows from the other's: KEDA counts the other's leaders and asks for so many more
groups. A phase that lags behind is brought up, never the other one down: what serves requests is not taken away because
the other phase has not come yet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.serving.autoscaling.plan import Trigger
from components.serving.group.labels import leaders, members
from components.serving.names import DECODE, PREFILL, group_name

if TYPE_CHECKING:
    from components.serving.disaggregation.settings import DisaggregationSettings

MOST_GROUPS: Final = 256
"""No phase may have more groups."""

APART: Final = 2
"""How many times the proportion at the start may be left behind, either way, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """The least and the most decode groups for each prefill group."""

    least: float
    most: float

    def prefill_for(self, decode: int) -> int:
        """The fewest prefill groups beside so many decode groups."""
        return math.ceil(round(decode / self.most, 6))

    def decode_for(self, prefill: int) -> int:
        """The fewest decode groups beside so many prefill groups."""
        return math.ceil(round(prefill * self.least, 6))

    def settles(self, prefill: int, decode: int) -> tuple[int, int]:
        """Where two numbers come to once each phase has asked for the other's, or beyond `MOST_GROUPS`."""
        before = (0, 0)
        while before != (prefill, decode) and max(prefill, decode) <= MOST_GROUPS:
            before = prefill, decode
            prefill, decode = max(prefill, self.prefill_for(decode)), max(decode, self.decode_for(prefill))
        return prefill, decode

    def holds_up(self, prefill: int, decode: int) -> bool:
        """Whether each phase keeps the other from getting smaller, so that both stay for good."""
        return self.prefill_for(decode) >= prefill and self.decode_for(prefill) >= decode


def ratio_of(split: DisaggregationSettings) -> Ratio:
    """The proportion as set; by default half to double of that with which the phases begin."""
    begins = _start(split, DECODE) / _start(split, PREFILL)
    chosen = split.ratio
    least = chosen.least_decode_per_prefill if chosen else None
    most = chosen.most_decode_per_prefill if chosen else None
    return Ratio(least or begins / APART, most or begins * APART)


def companion(split: DisaggregationSettings | None, model: str, role: str) -> Trigger | None:
    """What makes a phase follow the other; None for a model whose phases are not apart."""
    if split is None:
        return None
    ratio = ratio_of(split)
    other, per_group = (DECODE, ratio.most) if role == PREFILL else (PREFILL, 1 / ratio.least)
    pods = members(group_name(model, other), other, model if split.in_set else None)
    selector = ",".join(f"{key}={value}" for key, value in leaders(pods).items())
    says = f"{other} has over {per_group:g} groups for each of these"
    # KEDA keeps thousandths: one too few would ask for a group more than the proportion does.
    metadata = {"podSelector": selector, "value": f"{math.ceil(round(per_group * 1000, 3)) / 1000:g}"}
    return Trigger("ratio", "kubernetes-workload", metadata, says)


def _start(split: DisaggregationSettings, role: str) -> int:
    phase = split.prefill if role == PREFILL else split.decode
    return max(1, phase.autoscaling.start(phase.replicas) if phase.autoscaling else phase.replicas)
