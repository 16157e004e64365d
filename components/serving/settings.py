"""Settings of a served model: `models[]` in the stack file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, StringConstraints

from components.serving.autoscaling.settings import AutoscalingSettings
from components.serving.disaggregation.settings import DisaggregationSettings
from components.serving.engine.settings import (
    Arguments,
    BatchSize,
    EngineSettings,
    Environment,
    ParserSettings,
)
from components.serving.entry.settings import EntrySettings
from components.serving.group.settings import DisruptionBudgetSettings, GroupName, RolloutSettings
from components.serving.layout.settings import PackingSettings, ParallelismSettings
from components.serving.names import SERVE
from components.serving.objectives.settings import ObjectiveSettings
from components.serving.pods.settings import GracePeriod, ProbeSettings, SharedMemory, TolerationSeconds
from components.serving.router.settings import RouterSettings
from components.serving.tuning import TuningSettings
from components.serving.weights.settings import WeightsSettings
from components.settings import DnsLabel, PositiveInt


class ModelSettings(TuningSettings):
    """One model: what to serve, on which nodes, in which layout.

    The least that is needed: `name`, `model`, `nodePool` and a `parallelism` that fills the group's GPUs. Where
    `disaggregation` is given, each phase says where it runs instead.
    """

    name: GroupName
    """Name of the LeaderWorkerSet and of everything that belongs to it."""
    model: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", max_length=128)]
    """Hugging Face id, e.g. `Qwen/Qwen3-8B`; also where the weights come from elsewhere, since it names the facts."""
    configuration: dict[str, Any] | None = None
    """Content of the checkpoint's `config.json`, for a model that is not among those known here."""
    served_name: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """Name that clients put into `model`, and the `model_name` label of every metric; by default `name`."""
    node_pool: DnsLabel | None = None
    """Node pool whose nodes serve it."""
    nodes_per_group: Annotated[int, Field(ge=1, le=64)] = 1
    """Nodes that serve one replica together."""
    replicas: Annotated[int, Field(ge=1, le=256)] = 1
    """Groups, each a whole copy of the model; with `autoscaling`, those that it begins with."""
    autoscaling: AutoscalingSettings | None = None
    """Groups come and go with the load, within limits; without it their number is `replicas`."""
    parallelism: ParallelismSettings = ParallelismSettings()
    """Ranks of one group."""
    packing: PackingSettings | None = None
    """Sharing of a node between pods of one-node groups; by default a pod takes all GPUs of its node."""
    disaggregation: DisaggregationSettings | None = None
    """Prefill and decode apart, each with groups of its own; by default every group serves both."""
    context_length: PositiveInt | None = None
    """Longest request in tokens, prompt and answer; by default the model's own. It must fit the KV cache."""
    mem_fraction_static: Annotated[float, Field(gt=0.05, lt=0.99)] | None = None
    """Share of GPU memory for weights and KV cache; by default from sizing."""
    cuda_graph_max_batch_size: BatchSize | None = None
    """Largest decode batch that gets a CUDA graph; by default from sizing."""
    kv_cache_dtype: str = "auto"
    """Type of the KV cache, e.g. `fp8_e4m3`, which halves it; one of the engine version's choices."""
    quantization: str | None = None
    """Quantization at load time; None for what the checkpoint itself says, which is right for FP8 checkpoints."""
    engine: EngineSettings = EngineSettings()
    """SGLang release and image."""
    arguments: Arguments = Field(default={})
    """Further engine flags, checked against those of the pinned release."""
    environment: Environment = Field(default={})
    """Further environment variables of the engine."""
    weights: WeightsSettings = WeightsSettings()
    """Where the checkpoint comes from."""
    trust_remote_code: bool = False
    """Runs Python code that comes with the checkpoint; only with a revision that cannot change."""
    parsers: ParserSettings = ParserSettings()
    """Parsers of tool calls and reasoning."""
    probes: ProbeSettings = ProbeSettings()
    """Startup, readiness and liveness."""
    grace_period_seconds: GracePeriod = 900
    """Seconds from SIGTERM to SIGKILL; a draining engine waits for its running requests without a limit of its own, so
    this is the longest generation that survives an update (sglang 0.5.8 tokenizer_manager.py:2083-2115)."""
    shared_memory_gib: SharedMemory | None = Field(default=None, alias="sharedMemoryGiB")
    """Shared memory (`/dev/shm`) of a pod in GiB, counted against its memory; by default 8 per GPU."""
    huge_pages: bool | None = None
    """5 GiB of 2 MiB pages, which libfabric uses on EFA; by default where the pod has EFA interfaces."""
    rollout: RolloutSettings = RolloutSettings()
    """How a new version replaces groups."""
    disruption_budget: DisruptionBudgetSettings = DisruptionBudgetSettings()
    """How many groups node drains may take down at once."""
    router: RouterSettings | None = None
    """SGLang routers in front of the groups; without them requests go to any group, whatever it has cached."""
    objectives: ObjectiveSettings = ObjectiveSettings()
    """What clients may rely on; recorded, with alerts on the burn of the error budget."""
    entry: EntrySettings | None = None
    """The way in through a load balancer; without it the model is reached inside the cluster only."""
    toleration_seconds: TolerationSeconds = 30
    """Seconds until the pods of a lost node are given up and their group is made anew; Kubernetes' own 300 would be
    five minutes of outage more."""
    api_key_secret: str | None = None
    """Name under `secrets` of the key that clients must send; a new key restarts the groups one by one. Behind a router
    the key is `router.apiKeySecret`."""

    _role: str = PrivateAttr(SERVE)

    @property
    def role(self) -> str:
        """Which role these settings are for: `serve`, or one phase of a model as `in_role` gives it."""
        return self._role

    def in_role(self, role: str, fields: dict[str, Any], given: Collection[str]) -> ModelSettings:
        """These settings as they are for one role, which decides `fields`; of these the user wrote those `given`."""
        view = self.model_copy(update=fields)
        view.model_fields_set.difference_update(fields.keys() - given)
        view._role = role
        return view

    @property
    def groups_at_start(self) -> int:
        """Groups that a role begins with. A scaled one of a DisaggregatedSet gets its least number from KEDA."""
        scaling = self.autoscaling
        if scaling is None:
            return self.replicas
        in_set = self.disaggregation is not None and self.disaggregation.in_set
        return scaling.min_replicas if in_set and scaling.on else scaling.start(self.replicas)

    @property
    def fewest_groups(self) -> int:
        """The fewest groups that there may be."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas

    @property
    def most_groups(self) -> int:
        """The most groups that there may be."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas

    @property
    def served(self) -> str:
        """The name that clients use."""
        return self.served_name or self.name

    @property
    def client_key_secret(self) -> str | None:
        """Name under `secrets` of the key that clients send: to the router, or to the engine where there is none."""
        return self.router.api_key_secret if self.router else self.api_key_secret
