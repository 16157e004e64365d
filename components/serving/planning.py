"""How a model is resolved from its settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.facts.engines import engine
from components.facts.model_facts import ModelFacts
from components.facts.models import UnknownModel
from components.serving.autoscaling.plan import plan_scaling
from components.serving.autoscaling.ratio import companion
from components.serving.disaggregation.plan import plan_transfer
from components.serving.engine.arguments import EngineArguments, command_line
from components.serving.engine.command import command
from components.serving.engine.environment import environment
from components.serving.engine.image import ImagePlan, resolve_image
from components.serving.engine.places import Places
from components.serving.hierarchical_cache.flags import networks
from components.serving.lookup import checkpoint_gib, facts_of, size_model
from components.serving.mooncake.plan import client_environment, plan_store
from components.serving.plan import GroupPlan, ModelPlan, direct_endpoint
from components.serving.pods.probes import plan_probes
from components.serving.pods.resources import pod_resources
from components.serving.roles import Role, roles
from components.serving.router.plan import plan_router
from components.serving.sizing import Sizing
from components.serving.tuned_files.plan import plan_tuned
from components.serving.tuning import companions, flags
from components.serving.tuning import environment as tuned_environment
from components.serving.weights.companions import fetched
from components.serving.weights.plan import WeightsPlan, load_minutes, plan_weights
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from components.aws.nodes.plan import PoolPlan
    from components.facts.instances import Gpu
    from components.serving.engine.arguments import Phase
    from components.serving.settings import ModelSettings

CACHE_FOLDER: Final = "sglang-cache"
"""Folder on a node's NVMe for what engines compile."""


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
    router = plan_router(settings)
    shared = _Shared(facts, image, weights, minutes, router.endpoint if router else direct_endpoint(settings.name))
    groups = tuple(_group(role, pool, sizing, shared) for (role, pool), sizing in zip(placed, sizings, strict=True))
    return ModelPlan(
        settings=settings,
        facts=facts,
        engine_version=settings.engine.version,
        image=image,
        weights=weights,
        groups=groups,
        router=router,
        store=plan_store(settings, image),
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
    endpoint: str

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
        set_name=role.set_name,
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
            extra={
                **tuned_environment(settings, shared.places),
                **client_environment(settings, role.model.name),
                **settings.environment,
            },
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
            endpoint=shared.endpoint,
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
