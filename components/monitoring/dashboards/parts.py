"""What the dashboards have to know of a stack, and who is asked which series. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.facts.engines import engine


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPart:
    """One LeaderWorkerSet, or a role of the DisaggregatedSet `set_name`. `groups` are those that were planned, `pods`
    those of one group.

    `pod_hour` is the price of its share of a node for an hour, None where the node's price is not known.
    `speculative` and `lora` say whether the engine's arguments switch them on.
    """

    lws: str
    role: str
    groups: int
    pods: int
    pod_hour: float | None = None
    speculative: bool = False
    lora: bool = False
    efa: bool = False
    set_name: str | None = None

    @property
    def stateful_set(self) -> str:
        """Regular expression for the name of the leaders' StatefulSet, which is the LeaderWorkerSet's."""
        return self.lws if self.set_name is None else f"{self.set_name}-[0-9]+-[0-9a-f]{{8}}-{self.role}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPart:
    """One model. `engine_version` is a supported SGLang release."""

    name: str
    engine_version: str
    groups: tuple[GroupPart, ...]
    routed: bool = False

    @property
    def phases_apart(self) -> bool:
        """Whether prefill and decode have groups of their own."""
        return {group.role for group in self.groups} >= {"prefill", "decode"}


@dataclass(frozen=True, slots=True)
class PoolPart:
    """One pool of nodes, `system` among them. `nodes` is how many the settings want."""

    name: str
    instance_type: str
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A stack, as far as its dashboards show it.

    `namespace` is the engines', `router_namespace` the routers'. `pool_label` is the node label that names a pool.
    `currency` and `prices_of` (where and when they were read) belong to the prices. `scaling`: a model scales;
    `gpus`: DCGM is scraped, `efa_counters`: an EFA exporter is; `volumes`: engines have a shared file system.
    """

    models: tuple[ModelPart, ...]
    pools: tuple[PoolPart, ...]
    namespace: str
    router_namespace: str
    pool_label: str
    currency: str = "USD"
    prices_of: str = ""
    scaling: bool = False
    gpus: bool = True
    efa_counters: bool = True
    volumes: bool = False

    @property
    def pool_series_label(self) -> str:
        """The pool's label as kube-state-metrics spells it."""
        return "label_" + re.sub(r"\W", "_", self.pool_label)

    @property
    def efa(self) -> bool:
        """Whether a group talks over EFA."""
        return any(group.efa for model in self.models for group in model.groups)

    @property
    def routed(self) -> tuple[ModelPart, ...]:
        """Models behind routers."""
        return tuple(model for model in self.models if model.routed)

    @property
    def phases_apart(self) -> tuple[ModelPart, ...]:
        """Models with prefill and decode groups."""
        return tuple(model for model in self.models if model.phases_apart)


def kinds(metric: str, models: tuple[ModelPart, ...]) -> set[str]:
    """As what the releases of the models export an engine's metric: some of `gauge`, `counter`, `histogram`."""
    releases = {model.engine_version for model in models}
    found = (engine(version).metrics.get(metric) for version in releases)
    return {metric.kind for metric in found if metric is not None}
