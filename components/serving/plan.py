"""A model, resolved: what its components build and what a preview shows. Pure.

A model is a list of roles, each a group of pods that start, fail and scale together: one role is one LeaderWorkerSet.
An aggregated model has the one role `serve`, a disaggregated one `prefill` and `decode`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from components.facts.engines import engine
from components.facts.models import ModelFacts, UnknownModel
from components.serving.autoscaling.plan import ScalingPlan, plan_scaling
from components.serving.autoscaling.ratio import companion
from components.serving.disaggregation.plan import Transfer, plan_transfer
from components.serving.engine.arguments import EngineArguments, command_line
from components.serving.engine.command import PORT, command
from components.serving.engine.environment import environment
from components.serving.engine.image import ImagePlan, resolve_image
from components.serving.engine.places import Companion, Places
from components.serving.hierarchical_cache.flags import networks
from components.serving.lookup import checkpoint_gib, facts_of, size_model
from components.serving.names import ENGINE_ACCOUNT, NAMESPACE, service_name
from components.serving.pods.probes import DRAIN_SECONDS, ProbePlan, plan_probes
from components.serving.pods.resources import PodResources, pod_resources
from components.serving.roles import Role, roles
from components.serving.router.plan import RouterPlan, plan_router
from components.serving.sizing import Sizing
from components.serving.tuned_files.plan import TunedFiles, plan_tuned
from components.serving.tuning import companions, flags
from components.serving.tuning import environment as tuned_environment
from components.serving.weights.companions import fetched
from components.serving.weights.plan import WeightsPlan, load_minutes, plan_weights
from components.serving.weights.settings import WeightsSource
from components.serving.weights.staging import FOLDER as STAGING_FOLDER

if TYPE_CHECKING:
    from components.aws.nodes.plan import PoolPlan
    from components.facts.instances import Gpu
    from components.serving.engine.arguments import Phase
    from components.serving.settings import ModelSettings

CACHE_FOLDER: Final = "sglang-cache"
"""Folder on a node's NVMe for what engines compile."""

PULL_MINUTES: Final = 20
"""Minutes in which a node pulls an engine image of about 15 GB (lmsysorg/sglang:v0.5.19) before the probes begin."""

NODE_MINUTES: Final = 90
"""Minutes in which a HyperPod cluster that is in service already brings its nodes: with continuous provisioning it is
so before they are there (awslabs/awsome-distributed-ai hyperpod-mental-model.md: 60 to 90)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """One role of a model, as one LeaderWorkerSet.

    `arguments` are the engine's, the same on every rank: what differs between ranks LeaderWorkerSet injects. `sizing`
    is None where the model's facts are unknown. `replicas` are the groups that it begins with; `scaling` is None where
    their number is fixed, and `reclaimed` says that it was an autoscaler's until now. `transfer` says how a phase hands
    the KV cache over; it is None where a group serves both.
    """

    name: str
    role: str
    pool: PoolPlan
    replicas: int
    nodes_per_group: int
    pods_per_node: int
    tensor: int
    pipeline: int
    data: int
    dp_attention: bool
    expert: int
    sizing: Sizing
    image: ImagePlan
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: dict[str, str]
    tuned_files: TunedFiles | None
    store_networks: tuple[str, ...]
    resources: PodResources
    capabilities: tuple[str, ...]
    cache_path: str | None
    weights: WeightsPlan
    probes: ProbePlan
    grace_period_seconds: int
    toleration_seconds: int
    max_unavailable: int
    max_surge: int
    evictable_groups: int
    api_key: bool
    scaling: ScalingPlan | None = None
    reclaimed: bool = False

    @property
    def least_replicas(self) -> int:
        """The fewest groups that there may be."""
        return self.scaling.least if self.scaling else self.replicas

    @property
    def most_replicas(self) -> int:
        """The most groups that there may be."""
        return self.scaling.most if self.scaling else self.replicas

    transfer: Transfer | None = None

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of one pod."""
        return self.resources.gpus

    @property
    def efa_per_pod(self) -> int:
        """EFA interfaces of one pod: for its group's other nodes, or for the KV cache's way to the other phase."""
        return self.resources.efa

    @property
    def ranks(self) -> int:
        """GPUs of one group: its world size."""
        return self.nodes_per_group * self.gpus_per_pod

    @property
    def gpus(self) -> int:
        """GPUs of all groups."""
        return self.replicas * self.ranks

    @property
    def pods(self) -> int:
        """Pods of all groups."""
        return self.replicas * self.nodes_per_group

    @property
    def nodes(self) -> int:
        """Nodes that all groups take, sharing counted."""
        return self.nodes_of(self.replicas)

    def nodes_of(self, groups: int) -> int:
        """Nodes that so many groups take, sharing counted."""
        return math.ceil(groups * self.nodes_per_group / self.pods_per_node)

    @property
    def privileged(self) -> bool:
        """Whether its pods are privileged, as some transports need."""
        return self.transfer is not None and self.transfer.privileged

    @property
    def staging_path(self) -> str | None:
        """Folder on the node's NVMe that checkpoints are copied to; None where they are not."""
        return f"{self.pool.nvme_path}/{STAGING_FOLDER}" if self.weights.staged else None

    @property
    def ready_minutes(self) -> int:
        """Minutes after which a group that still is not ready never will be: image, weights and warm-up."""
        return PULL_MINUTES + self.weights.staging_minutes + self.probes.startup_minutes

    @property
    def first_minutes(self) -> int:
        """Minutes that the first start may take, where nodes may still be missing."""
        return self.ready_minutes + (NODE_MINUTES if self.pool.substrate == "hyperpod" else 0)

    @property
    def rollout_minutes(self) -> int:
        """Minutes that replacing every group may take, one after the other, each after the one before it has drained.

        More than one at a time takes the alpha feature MaxUnavailableStatefulSet, which EKS does not switch on.
        """
        return self.most_replicas * (self.ready_minutes + math.ceil((self.grace_period_seconds + DRAIN_SECONDS) / 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """A model, resolved. `groups` has one element unless phases are served apart; `router` is None where requests go
    straight to the groups. `companions` are what engines read of the hub beside the model: drafts, adapters.
    """

    settings: ModelSettings
    facts: ModelFacts
    engine_version: str
    image: ImagePlan
    weights: WeightsPlan
    groups: tuple[GroupPlan, ...]
    router: RouterPlan | None = None
    namespace: str = NAMESPACE
    companions: tuple[Companion, ...] = ()

    @property
    def name(self) -> str:
        """Name of the model and of what belongs to it."""
        return self.settings.name

    @property
    def mode(self) -> str:
        """How requests reach the groups: `aggregated`, `routed` or `disaggregated`."""
        if self.settings.disaggregation:
            return "disaggregated"
        return "routed" if self.router else "aggregated"

    @property
    def front(self) -> GroupPlan:
        """The group whose leaders answer requests; where phases are apart, the one that gets them first."""
        return self.groups[0]

    @property
    def pool(self) -> PoolPlan:
        """The pool of the group that answers clients."""
        return self.front.pool

    @property
    def sizing(self) -> Sizing:
        """What a GPU of the group that answers clients holds."""
        return self.front.sizing

    @property
    def replicas(self) -> int:
        """Groups of the role that answers clients."""
        return self.front.replicas

    @property
    def nodes_per_group(self) -> int:
        """Nodes of such a group."""
        return self.front.nodes_per_group

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of one of its pods."""
        return self.front.gpus_per_pod

    @property
    def efa_per_pod(self) -> int:
        """EFA interfaces of one of its pods."""
        return self.front.efa_per_pod

    @property
    def ranks(self) -> int:
        """GPUs of such a group."""
        return self.front.ranks

    @property
    def nodes(self) -> int:
        """Nodes of all roles, sharing counted."""
        return nodes_of(self.groups)

    @property
    def gpus(self) -> int:
        """GPUs of all roles."""
        return sum(group.gpus for group in self.groups)

    @property
    def service(self) -> str:
        """Name of the Service that clients use: the routers', or the leaders'."""
        return self.router.name if self.router else service_name(self.name)

    @property
    def service_account(self) -> str:
        """Service account of the engines: one of its own where it may read a bucket, else the namespace's."""
        return self.name if self.weights.source is WeightsSource.S3 else ENGINE_ACCOUNT

    @property
    def endpoint(self) -> str:
        """Base URL inside the cluster."""
        if self.router:
            return self.router.endpoint
        return f"http://{self.service}.{self.namespace}.svc.cluster.local:{PORT}/v1"

    @property
    def public_endpoint(self) -> str | None:
        """Base URL through the load balancer, where it has a host name; None without an entry or a host."""
        return self.settings.entry.url if self.settings.entry else None

    @property
    def traffic(self) -> dict[str, int]:
        """Shares in percent of the entry's requests by model; empty where they are not split."""
        return self.settings.entry.traffic if self.settings.entry else {}

    @property
    def load_minutes(self) -> float | None:
        """Minutes until every rank has read the weights, or None where it cannot be told."""
        return self.front.probes.load_minutes

    @property
    def grace_period_seconds(self) -> int:
        """Seconds that the slowest role may take to finish its requests."""
        return max(group.grace_period_seconds for group in self.groups)


def nodes_of(groups: Iterable[GroupPlan], count: Callable[[GroupPlan], int] = attrgetter("replicas")) -> int:
    """Nodes that groups take together, `count` of each: pods that take a part of a node share nodes of their pool,
    whatever group they are of.
    """
    parts: dict[str, Fraction] = {}
    whole = 0
    for group in groups:
        pods = count(group) * group.nodes_per_group
        if group.pods_per_node == 1:
            whole += pods
        else:
            parts[group.pool.name] = parts.get(group.pool.name, Fraction(0)) + Fraction(pods, group.pods_per_node)
    return whole + sum(math.ceil(part) for part in parts.values())


def plan_model(
    settings: ModelSettings,
    pools: Mapping[str, PoolPlan],
    *,
    file_system_mb_per_s: float | None = None,
    other_readers_gib: float = 0,
    mount_path: str = "/models",
) -> ModelPlan:
    """Resolve a model on the pools of its roles, which must have GPUs; settings have passed the rules.

    `file_system_mb_per_s` is the throughput of the stack's file system in MB/s, None where there is none;
    `other_readers_gib` is what other models read from it at the same time, when a stack starts; `mount_path` is where
    pods see it. Raises KeyError for a pool that is not there, ValueError for one without GPUs or an engine release
    without a known image, and `UnknownModel`.
    """
    facts = facts_of(settings)
    if facts is None:
        raise UnknownModel(settings.model, [])
    image = resolve_image(settings.engine)
    if image is None:
        raise ValueError(f"no image is known for SGLang {settings.engine.version}")
    placed = [(role, pools[role.node_pool or ""]) for role in roles(settings)]
    sizings = [size_model(role.settings, facts, _gpu(pool)) for role, pool in placed]
    checkpoint = max(checkpoint_gib(role.settings, sizing) for (role, _), sizing in zip(placed, sizings, strict=True))
    weights = plan_weights(
        settings.weights,
        settings.model,
        mount_path=mount_path if file_system_mb_per_s is not None else None,
        size_gib=checkpoint,
    )
    minutes = None
    if weights.mounted and file_system_mb_per_s:
        readers = sum(role.settings.groups_at_start * role.settings.nodes_per_group for role, _ in placed)
        minutes = load_minutes(checkpoint * readers + other_readers_gib, 1, file_system_mb_per_s)
    shared = _Shared(facts, image, weights, minutes)
    groups = tuple(_group(role, pool, sizing, shared) for (role, pool), sizing in zip(placed, sizings, strict=True))
    return ModelPlan(
        settings=settings,
        facts=facts,
        engine_version=settings.engine.version,
        image=image,
        weights=weights,
        groups=groups,
        router=plan_router(settings),
        companions=companions(*(role.settings for role, _ in placed)),
    )


def _gpu(pool: PoolPlan) -> Gpu:
    gpu = pool.instance.gpu
    if gpu is None:
        raise ValueError(f"node pool {pool.name} has no GPUs")
    return gpu


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the roles of one model share."""

    facts: ModelFacts
    image: ImagePlan
    weights: WeightsPlan
    load_minutes: float | None

    @property
    def places(self) -> Places:
        """Where an engine finds drafts, adapters and tuned files."""
        return Places(self.weights.mount_path, fetched(self.weights))


def _group(role: Role, pool: PoolPlan, sizing: Sizing, shared: _Shared) -> GroupPlan:
    """The groups of one role."""
    settings = role.settings
    ranks = settings.parallelism
    transfer = plan_transfer(role)
    several_nodes = settings.nodes_per_group > 1
    gpus = settings.packing.gpus_per_pod if settings.packing else pool.gpus_per_node
    pods_per_node = pool.gpus_per_node // gpus
    # Within one node GPUs reach each other without EFA; a pod that took interfaces would keep them from others.
    over_efa = transfer is not None and transfer.efa
    efa = pool.efa_per_node if several_nodes or over_efa else 0
    weights = shared.weights
    return GroupPlan(
        name=role.group,
        role=role.name,
        pool=pool,
        replicas=settings.groups_at_start,
        nodes_per_group=settings.nodes_per_group,
        pods_per_node=pods_per_node,
        tensor=ranks.tensor,
        pipeline=ranks.pipeline,
        data=ranks.data,
        dp_attention=ranks.dp_attention,
        expert=ranks.expert,
        sizing=sizing,
        image=shared.image,
        command=command(several_nodes=several_nodes, efa=efa > 0, libfabric=over_efa),
        arguments=command_line(
            _arguments(settings, sizing, shared, transfer.phase if transfer else None),
            engine(settings.engine.version),
        ),
        environment=environment(
            several_nodes=several_nodes,
            efa=efa > 0,
            offline=weights.offline,
            transport=transfer.variables if transfer else None,
            extra={**tuned_environment(settings, shared.places), **settings.environment},
        ),
        tuned_files=plan_tuned(settings.tuned_files, role.group),
        store_networks=networks(settings.hierarchical_cache),
        resources=pod_resources(
            vcpus=pool.vcpus_per_node,
            memory_gib=pool.instance.memory_gib,
            pods_per_node=pods_per_node,
            gpus=gpus,
            efa=efa,
            shared_memory_gib=settings.shared_memory_gib,
            huge_pages=settings.huge_pages,
        ),
        # libfabric locks the memory that EFA writes to; awslabs/awsome-distributed-ai's deepep-benchmark does so too.
        capabilities=("IPC_LOCK",) if efa else (),
        cache_path=f"{pool.nvme_path}/{CACHE_FOLDER}" if pool.nvme_path else None,
        weights=weights,
        probes=plan_probes(settings.probes, size_gib=weights.size_gib or 0, load_minutes=shared.load_minutes),
        grace_period_seconds=settings.grace_period_seconds,
        toleration_seconds=settings.toleration_seconds,
        max_unavailable=settings.rollout.max_unavailable,
        max_surge=settings.rollout.max_surge,
        evictable_groups=settings.disruption_budget.max_unavailable,
        api_key=settings.api_key_secret is not None,
        scaling=plan_scaling(
            settings.autoscaling,
            lws=role.group,
            role=role.name,
            companion=companion(role.model.disaggregation, role.model.name, role.name),
        ),
        reclaimed=settings.autoscaling is not None and not settings.autoscaling.on,
        transfer=transfer,
    )


def _arguments(settings: ModelSettings, sizing: Sizing, shared: _Shared, phase: Phase | None) -> EngineArguments:
    weights, ranks = shared.weights, settings.parallelism
    return EngineArguments(
        model_path=weights.engine_path,
        served_name=settings.served,
        tensor=ranks.tensor,
        pipeline=ranks.pipeline,
        data=ranks.data,
        dp_attention=ranks.dp_attention,
        expert=ranks.expert,
        nodes=settings.nodes_per_group,
        mem_fraction_static=round(sizing.mem_fraction_static, 3),
        cuda_graph_max_batch_size=sizing.cuda_graph_max_bs,
        context_length=settings.context_length,
        kv_cache_dtype=settings.kv_cache_dtype,
        quantization=settings.quantization,
        revision=None if weights.offline else weights.revision,
        trust_remote_code=settings.trust_remote_code,
        tool_parser=parser(settings.parsers.tool, shared.facts.tool_call_parser),
        reasoning_parser=parser(settings.parsers.reasoning, shared.facts.reasoning_parser),
        load_format="runai_streamer" if weights.source is WeightsSource.S3 else None,
        shared_file_system=weights.mounted and not weights.staged,
        api_key=settings.api_key_secret is not None,
        phase=phase,
        extra=flags(settings, settings.arguments, engine(settings.engine.version), shared.places),
    )


def parser(chosen: str | None, default: str | None) -> str | None:
    """The parser to use: the one chosen, the model's own, or None where `none` was chosen."""
    return default if chosen is None else (None if chosen == "none" else chosen)
