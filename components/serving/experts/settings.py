"""Settings of experts: who exchanges tokens with whom, and how experts are balanced over the ranks.

The number of expert ranks is `parallelism.expert`. Every field left out keeps the engine's own default.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.serving.engine.typed import Flag, Switch
from components.settings import PositiveInt, Settings


class BalanceSettings(Settings):
    """Expert-parallel load balancing: counts which experts are busy, and moves them between ranks."""

    enabled: Annotated[bool | None, Switch(on=("--enable-eplb",))] = None
    """Whether experts move while the engine serves."""
    algorithm: Annotated[str | None, Flag("--eplb-algorithm")] = None
    """How experts are placed; `auto` unless set."""
    rebalance_iterations: Annotated[PositiveInt | None, Flag("--eplb-rebalance-num-iterations")] = None
    """Forward passes between two rounds; each round halts serving while weights move."""
    layers_per_chunk: Annotated[PositiveInt | None, Flag("--eplb-rebalance-layers-per-chunk")] = None
    """Layers that move at once; fewer make shorter halts."""
    min_utilization: Annotated[
        Annotated[float, Field(gt=0, le=1)] | None, Flag("--eplb-min-rebalancing-utilization-threshold")
    ] = None
    """Utilization above which a round is left out."""
    metrics: Annotated[
        bool | None,
        Switch(on=("--expert-balancedness-report-mode=prometheus", "--enable-expert-distribution-metrics")),
    ] = None
    """Publishes how even the experts are."""


class ExpertSettings(Settings):
    """Experts of a mixture of experts. What is left out keeps the default of the engine's release."""

    all_to_all: Annotated[str | None, Flag("--moe-a2a-backend")] = None
    """How ranks exchange tokens, one of the release's choices. `none` is tensor parallelism with experts in groups; it
    works everywhere and was as fast on 16 GPUs over EFA. The others set `parallelism.expert` to the tensor ranks, and
    none of them works between nodes over EFA as SGLang ships it (deepseek-ai/DeepEP#369)."""
    runner: Annotated[str | None, Flag("--moe-runner-backend")] = None
    """Kernels of the experts, one of the release's choices."""
    deepep_mode: Annotated[str | None, Flag("--deepep-mode")] = None
    """`normal` for prefill, `low_latency` for decoding in CUDA graphs, `auto` for each its own."""
    redundant: Annotated[Annotated[int, Field(ge=0, le=1024)] | None, Flag("--ep-num-redundant-experts")] = None
    """Copies of busy experts, over all ranks; with the experts they divide over the expert ranks."""
    dispatch_algorithm: Annotated[str | None, Flag("--ep-dispatch-algorithm")] = None
    """Which copy of an expert a token goes to: `static`, `dynamic`, ..."""
    dense_tensor: Annotated[PositiveInt | None, Flag("--moe-dense-tp-size")] = None
    """Tensor ranks of the dense MLPs; 1 where they do not divide over all, at the price of copies."""
    data_parallel_head: Annotated[bool | None, Switch(on=("--enable-dp-lm-head",))] = None
    """Computes the output head per data-parallel rank, which spares a gather under data-parallel attention."""
    shared_experts_fusion: Annotated[
        bool | None, Switch(on=("--enforce-shared-experts-fusion",), off=("--disable-shared-experts-fusion",))
    ] = None
    """Whether shared experts run in the same kernel as the routed ones."""
    balance: BalanceSettings | None = None
    """Balance of experts over ranks."""
