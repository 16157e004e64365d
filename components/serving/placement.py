"""Whether a model fits its nodes, and which nodes would suit it better. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from components.facts.instances import Instance, instances
from components.serving.layout.settings import ParallelismSettings
from components.serving.lookup import algorithm_of, demands_of, facts_of, size_model
from components.serving.sizing import Sizing, size

if TYPE_CHECKING:
    from components.facts.instances import Gpu
    from components.facts.model_facts import ModelFacts
    from components.serving.memory.demands import Demands
    from components.serving.settings import ModelSettings

_EXPERT_DEGREES: Final = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One node that would serve a whole group. `price` is for an hour, None where unknown."""

    instance: Instance
    sizing: Sizing
    price: float | None

    @property
    def name(self) -> str:
        """EC2 name of the type."""
        return self.instance.name

    @property
    def gpus(self) -> int:
        """GPUs of the node."""
        return self.instance.gpus

    @property
    def gpu(self) -> str:
        """Name of its GPU model."""
        return self.instance.gpu.name if self.instance.gpu else ""


def gpus_per_pod(model: ModelSettings, node: Instance) -> int:
    """GPUs of one pod: all of its node's, or what packing says."""
    return model.packing.gpus_per_pod if model.packing else node.gpus


def nodes_needed(model: ModelSettings, node: Instance, groups: int | None = None) -> int:
    """Nodes that `groups` (by default those that it begins with) take."""
    pods_per_node = max(1, node.gpus // gpus_per_pod(model, node))
    count = model.groups_at_start if groups is None else groups
    return math.ceil(count * model.nodes_per_group / pods_per_node)


def try_sizing(model: ModelSettings, gpu: Gpu) -> Sizing | None:
    """Sizing of a model's layout, or None where the model or a type is not known (other rules say so)."""
    facts = facts_of(model)
    if facts is None:
        return None
    try:
        return size_model(model, facts, gpu)
    except ValueError:
        return None


def least_gpus(model: ModelSettings, gpu: Gpu, most: int) -> int | None:
    """The least power of two of GPUs, below `most`, on which the model fits with its context; None where none does."""
    count = 1
    while count < most:
        if _fits_on(model, gpu, count):
            return count
        count *= 2
    return None


def alternatives(
    model: ModelSettings, *, prices: Mapping[str, float], prefix: str = "", offered: Collection[str] | None = None
) -> Iterator[Alternative]:
    """Every single node that holds a whole copy with the context asked for.

    `prices` are by type; one of `prefix` plus the EC2 name wins over that of the EC2 name. `offered` are the EC2 names
    that the region has, None for all.
    """
    for node in instances().values():
        if node.gpu is None or (offered is not None and node.name not in offered):
            continue
        if sizing := _fits_on(model, node.gpu, node.gpus):
            yield Alternative(node, sizing, price_of(node.name, prices, prefix))


def price_of(ec2_name: str, prices: Mapping[str, float], prefix: str = "") -> float | None:
    """Price of an hour of a type, HyperPod's own where it is known."""
    return prices.get(f"{prefix}{ec2_name}", prices.get(ec2_name))


def _fits_on(model: ModelSettings, gpu: Gpu, count: int) -> Sizing | None:
    facts = facts_of(model)
    if facts is None:
        return None
    laid = model.model_copy(update={"parallelism": ParallelismSettings(tensor=count)})
    return _fit(
        facts,
        gpu,
        count,
        model.context_length,
        model.engine.version,
        model.kv_cache_dtype,
        model.quantization,
        algorithm_of(model),
        demands_of(laid),
    )


@cache
def _fit(
    model: ModelFacts,
    gpu: Gpu,
    count: int,
    context: int | None,
    version: str,
    kv_dtype: str,
    quantization: str | None,
    speculative: str | None,
    demands: Demands,
) -> Sizing | None:
    """Sizing of a plain tensor-parallel layout on `count` GPUs of one node, or None where no such layout fits."""
    for expert in _EXPERT_DEGREES if model.moe else (1,):
        try:
            sizing = size(
                model,
                gpu,
                tensor=count,
                expert=expert,
                context_length=context,
                engine_version=version,
                kv_cache_dtype=kv_dtype,
                quantization=quantization,
                speculative=speculative,
                demands=demands,
            )
        except ValueError:
            return None
        if sizing.fits:
            return sizing
    return None
