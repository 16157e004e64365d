"""Settings of a model whose prefill and decode are served apart: `models[].disaggregation`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.serving.autoscaling.settings import AutoscalingSettings, RatioSettings
from components.serving.disaggregation.transports import TransportName
from components.serving.engine.settings import Arguments, BatchSize, Environment
from components.serving.group.settings import DisruptionBudgetSettings, RolloutSettings
from components.serving.layout.settings import PackingSettings, ParallelismSettings
from components.serving.pods.settings import GracePeriod, ProbeSettings, SharedMemory
from components.serving.tuning import TuningSettings
from components.settings import DnsLabel, PositiveInt, Settings


class RoleSettings(TuningSettings):
    """The groups of one phase. What is not given here is as the model says; `arguments`, `environment` and what tunes
    the engine are added to the model's own, the phase's winning.
    """

    node_pool: DnsLabel
    """Node pool whose nodes serve the phase; both phases may share one."""
    nodes_per_group: Annotated[int, Field(ge=1, le=64)] = 1
    """Nodes that serve one replica of the phase together."""
    replicas: Annotated[int, Field(ge=1, le=256)] = 1
    """Groups of the phase, each with a whole copy of the model."""
    autoscaling: AutoscalingSettings | None = None
    """Scaling of the phase by groups; prefill by its queue and the time to the first token, decode by its queue, its KV
    cache and the time between tokens."""
    parallelism: ParallelismSettings = ParallelismSettings()
    """Ranks of one group."""
    packing: PackingSettings | None = None
    """Sharing of a node between pods of one-node groups, of both phases if they share a pool."""
    mem_fraction_static: Annotated[float, Field(gt=0.05, lt=0.99)] | None = None
    """Share of GPU memory for weights and KV cache; by default from sizing for the phase."""
    cuda_graph_max_batch_size: BatchSize | None = None
    """Largest decode batch that gets a CUDA graph; by default from sizing."""
    arguments: Arguments = Field(default={})
    """Further engine flags of the phase."""
    environment: Environment = Field(default={})
    """Further environment variables of the phase."""
    probes: ProbeSettings | None = None
    """Startup, readiness and liveness."""
    grace_period_seconds: GracePeriod | None = None
    """Seconds from SIGTERM to SIGKILL: decode runs the long generations, prefill only their beginnings."""
    shared_memory_gib: SharedMemory | None = Field(default=None, alias="sharedMemoryGiB")
    """Shared memory (`/dev/shm`) of a pod in GiB."""
    huge_pages: bool | None = None
    """5 GiB of 2 MiB pages; by default where the pod has EFA interfaces."""
    rollout: RolloutSettings | None = None
    """How a new version replaces groups of the phase."""
    disruption_budget: DisruptionBudgetSettings | None = None
    """How many groups of the phase node drains may take down at once."""


class DecodeSettings(RoleSettings):
    """The groups that generate, with what only they can be told."""

    reserved_tokens: PositiveInt | None = None
    """Tokens kept free for each running request, so that it need not be retracted; the engine's own value is 512."""
    extra_slots: Annotated[int, Field(ge=0, le=4096)] | None = None
    """Requests beyond the running ones whose KV cache may be on its way already."""
    polling_interval: PositiveInt | None = None
    """Scheduler steps between looks at the transfers; more of them cost less and find finished ones later."""
    radix_cache: bool = False
    """Keeps prefixes on the decode side too, so that less is transferred; the engine calls it experimental, and without
    it every decode group is forced to a chunk cache (sglang pd_disaggregation_hook.py)."""
    offload_kv_cache: bool = False
    """Writes the KV cache of what was generated back to host memory."""


class DisaggregationSettings(Settings):
    """Prefill and decode as separate LeaderWorkerSets behind a router, each with its own size, hardware and flags."""

    transport: TransportName
    """How the KV cache travels from prefill to decode. `nixl-libfabric` is what was shown to work best over EFA;
    `mooncake-efa` needs an image with Mooncake's EFA wheel; `mooncake-tcp` works everywhere and is slow. NIXL's own
    default, UCX, has no EFA transport: it falls back to TCP without a word and was seen to hang."""
    kind: Literal["LeaderWorkerSet", "DisaggregatedSet"] = "LeaderWorkerSet"
    """What runs the phases. `LeaderWorkerSet`: two objects, each rolled out by itself. `DisaggregatedSet`: one object
    whose controller makes both LeaderWorkerSets and rolls a change of either phase out over both, step by step in
    proportion, so that no version of one phase is left without the other. It is alpha (LeaderWorkerSet 0.10)."""
    prefill: RoleSettings
    """The groups that read prompts."""
    decode: DecodeSettings
    """The groups that generate."""
    ratio: RatioSettings | None = None
    """Proportion of the phases while they scale: whichever lags behind is brought up."""
    bootstrap_port: Annotated[int, Field(ge=1024, le=65535)] = 8998
    """Port of prefill's leaders where decode learns how to reach them; routers read it from an annotation."""
    privileged: bool = False
    """Agrees to privileged pods. EFA transports register GPU memory with the network card, which was shown to work in
    privileged pods alone (ai-dynamo/dynamo docs/kubernetes/cloud-providers/eks/efa.md)."""

    @property
    def in_set(self) -> bool:
        """Whether one DisaggregatedSet makes the groups of both phases."""
        return self.kind == "DisaggregatedSet"
