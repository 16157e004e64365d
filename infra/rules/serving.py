"""Rules of models that need their node pool, or each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from components.aws.nodes.plan import HUGE_PAGES_2MI
from components.facts.instances import Gpu, Instance, find_instance
from components.rules import Finding, RuleSet, Severity, join
from components.serving.engine.image import resolve_image
from components.serving.layout.rules import context_beyond
from components.serving.lookup import asked_at, ranks_of
from components.serving.mooncake.plan import has_store, store_name
from components.serving.names import ACCOUNTS, service_name
from components.serving.placement import gpus_per_pod, least_gpus, nodes_needed, try_sizing
from components.serving.pods.resources import HUGE_PAGES_GIB, pod_memory_gib
from components.serving.roles import Role, roles
from components.words import count

if TYPE_CHECKING:
    from components.aws.nodes.settings import NodePool
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@dataclass(frozen=True, slots=True)
class Placed:
    """A role of a model whose pool and instance type are known and have GPUs. `at` is the path of the whole model,
    `model` are its settings as they are for the role.
    """

    at: str
    role: Role
    pool: NodePool
    node: Instance
    gpu: Gpu

    @property
    def model(self) -> ModelSettings:
        """The model as if it had this role alone."""
        return self.role.settings

    @property
    def name(self) -> str:
        """Name of the role's LeaderWorkerSet."""
        return self.role.group

    def path(self, path: str) -> str:
        """Where in the stack file the user wrote, or would write, what stands at `path` of a model."""
        return join(self.at, self.role.path(path))


def placed(stack: StackSettings) -> Iterator[Placed]:
    """Every role of every model that has a place; what has none is another rule's business."""
    pools = {pool.name: pool for pool in stack.node_pools}
    for at, role in located(stack):
        pool = pools.get(role.node_pool or "")
        node = find_instance(pool.instance_type) if pool else None
        if pool and node and node.gpu:
            yield Placed(at, role, pool, node, node.gpu)


def located(stack: StackSettings) -> Iterator[tuple[str, Role]]:
    """Every role of every model, with the path of the model."""
    for index, model in enumerate(stack.models):
        for role in roles(model):
            yield f"models[{index}]", role


@rules.rule("serving.pool", source="a model runs on a pool of the stack")
def models_have_a_pool(stack: StackSettings) -> Iterator[Finding]:
    """Every model names a node pool that exists."""
    names = [pool.name for pool in stack.node_pools]
    for at, role in located(stack):
        pool = role.node_pool
        if pool is not None and pool not in names:
            yield Finding(join(at, role.path("nodePool")), f"there is no node pool {pool}", f"use {' or '.join(names)}")


@rules.rule("serving.names", source="objects of a namespace: Services and accounts that go with models")
def models_are_not_called_like_what_goes_with_them(stack: StackSettings) -> Iterator[Finding]:
    """No model is called like another's Service, nor like a service account of the namespace."""
    services = {service_name(model.name): model.name for model in stack.models}
    services |= {store_name(model.name): model.name for model in stack.models if has_store(model)}
    phases = {role.group: role.model.name for _, role in located(stack) if role.group != role.model.name}
    for index, model in enumerate(stack.models):
        if owner := services.get(model.name):
            yield Finding(
                f"models[{index}].name", f"{model.name} is also the Service of model {owner}", f"rename {model.name}"
            )
        if owner := phases.get(model.name):
            yield Finding(
                f"models[{index}].name", f"{model.name} is also a phase of model {owner}", f"rename {model.name}"
            )
        if model.name in ACCOUNTS:
            yield Finding(
                f"models[{index}].name", f"{model.name} is a service account of the namespace", "use another name"
            )


@rules.rule("serving.packing", source="GPUs that no pod can take would be paid for")
def packing_divides_the_node(stack: StackSettings) -> Iterator[Finding]:
    """Pods that share a node divide its GPUs evenly."""
    for here in placed(stack):
        packing = here.model.packing
        if packing and here.node.gpus % packing.gpus_per_pod:
            divisors = [str(count) for count in range(1, here.node.gpus + 1) if here.node.gpus % count == 0]
            yield Finding(
                here.path("packing.gpusPerPod"),
                f"{packing.gpus_per_pod} does not divide the {here.node.gpus} GPUs of {here.pool.instance_type}",
                f"use {', '.join(divisors)}",
            )


@rules.rule("serving.ranks", source="sglang 0.5.8 server_args.py:4803, engine.py:878")
def ranks_fill_the_group(stack: StackSettings) -> Iterator[Finding]:
    """tensor x pipeline x data (data without dpAttention) is the number of GPUs of a group."""
    for here in placed(stack):
        model, ranks = here.model, ranks_of(here.model)
        gpus = model.nodes_per_group * gpus_per_pod(model, here.node)
        if ranks.gpus == gpus:
            continue
        data = "" if ranks.dp_attention or ranks.data == 1 else f" x data {ranks.data}"
        yield Finding(
            here.path("parallelism"),
            f"tensor {ranks.tensor} x pipeline {ranks.pipeline}{data} "
            f"is {count(ranks.gpus, 'rank')} for {count(gpus, 'GPU')} "
            f"({model.nodes_per_group} x {gpus_per_pod(model, here.node)} of {here.pool.instance_type})",
            _ranks_fix(here, ranks.gpus, gpus),
        )


def _ranks_fix(here: Placed, ranks: int, gpus: int) -> str:
    model = here.model
    per_node = here.node.gpus
    if model.nodes_per_group == 1 and ranks < per_node and per_node % ranks == 0:
        return f"set packing: {{gpusPerPod: {ranks}}} to share the node, or tensor: {per_node}"
    if ranks % per_node == 0 and ranks > gpus and not model.packing:
        return f"set nodesPerGroup: {ranks // per_node}"
    stages = model.parallelism.pipeline
    return f"set tensor: {gpus // stages}" if gpus % stages == 0 else f"set tensor: {gpus}, pipeline: 1"


@rules.rule("serving.half-empty", source="GPUs left over are paid for")
def small_models_say_how_they_share(stack: StackSettings) -> Iterator[Finding]:
    """A model that needs less than half of its node's GPUs says whether others share the node."""
    for here in placed(stack):
        model = here.model
        if model.packing or model.nodes_per_group > 1 or here.node.gpus < 4:
            continue
        least = least_gpus(model, here.gpu, here.node.gpus // 2)
        if least:
            yield Finding(
                here.path("packing"),
                f"{model.model} fits on {least} of the {here.node.gpus} GPUs of {here.pool.instance_type}",
                f"set packing: {{gpusPerPod: {least}}} to share, or {{gpusPerPod: {here.node.gpus}}} to keep it whole",
            )


@rules.rule("serving.nodes", source="kubernetes-sigs/lws: groups are scheduled pod by pod, and half groups deadlock")
def the_pool_has_the_nodes(stack: StackSettings) -> Iterator[Finding]:
    """Every group of every model of a pool has its nodes; half a group holds GPUs and serves nobody."""
    takers: dict[str, list[Placed]] = defaultdict(list)
    for here in placed(stack):
        takers[here.pool.name].append(here)
    order = [pool.name for pool in stack.node_pools]
    for models in takers.values():
        pool, node = models[0].pool, models[0].node
        needed = nodes_together(models, _at_start)
        if needed > pool.nodes:
            parts = ", ".join(f"{here.name} {nodes_needed(here.model, node)}" for here in models)
            alone, scaling = len(models) == 1, models[0].model.autoscaling
            if alone and scaling and scaling.min_replicas > scaling.max_replicas:
                continue  # autoscaling.limits says it: nobody knows which limit was meant
            unwritten = scaling and "replicas" not in models[0].model.model_fields_set
            yield Finding(
                models[0].path("autoscaling.minReplicas" if unwritten else "replicas")
                if alone
                else f"nodePools[{order.index(pool.name)}].nodes",
                f"pool {pool.name} has {count(pool.nodes, 'node')}, its models need {needed} ({parts})",
                f"set nodePools {pool.name} nodes: {needed}, or "
                + ("a lower minReplicas" if unwritten else "fewer replicas"),
            )


def nodes_together(models: list[Placed], groups: Callable[[ModelSettings], int]) -> int:
    """Nodes of several models with so many groups each: packed pods of different models share, so that their parts of
    nodes are summed first.
    """
    whole = sum(nodes_needed(here.model, here.node, groups(here.model)) for here in models if not here.model.packing)
    parts = sum(
        (Fraction(groups(here.model) * gpus_per_pod(here.model, here.node), here.node.gpus) for here in models
         if here.model.packing),
        Fraction(0),
    )  # fmt: skip
    return whole + ceil(parts)


def _at_start(model: ModelSettings) -> int:
    return model.groups_at_start


def at_most(model: ModelSettings) -> int:
    """The most groups of a model."""
    return model.most_groups


@rules.rule(
    "serving.surge", source="seen with LeaderWorkerSet 0.9 on kube-apiserver 1.34: a pending group stops the rollout"
)
def surge_groups_have_spare_nodes(stack: StackSettings) -> Iterator[Finding]:
    """A rollout adds groups only where nodes are spare."""
    here_all = list(placed(stack))
    for here in here_all:
        surge = here.model.rollout.max_surge
        if not surge:
            continue
        used = nodes_together([other for other in here_all if other.pool.name == here.pool.name], at_most)
        extra = nodes_needed(here.model, here.node, surge)
        if used + extra > here.pool.nodes:
            yield Finding(
                here.path("rollout.maxSurge"),
                f"{count(surge, 'more group needs', 'more groups need')} {count(extra, 'node')}, "
                f"and pool {here.pool.name} has {here.pool.nodes - used} spare",
                f"set maxSurge: 0, or nodePools {here.pool.name} nodes: {used + extra}",
            )


@rules.rule("serving.efa-image", source="sgl-project/sglang docker/Dockerfile: no EFA, no aws-ofi-nccl")
def ranks_on_several_nodes_have_an_image_with_efa(stack: StackSettings) -> Iterator[Finding]:
    """Without EFA's libraries in the image, NCCL silently runs over TCP."""
    for here in placed(stack):
        image = resolve_image(here.model.engine)
        if here.model.nodes_per_group == 1 or not here.node.efa_interfaces or image is None or image.efa_capable:
            continue
        known = "has no" if image.efa_capable is False else "is not known to have"
        yield Finding(
            here.path("engine.image"),
            f"{image.reference} {known} libfabric with EFA and the OFI NCCL plugin, which "
            f"{here.model.nodes_per_group} nodes need",
            "use an AWS Deep Learning Container (engine.version 0.5.17 has one), or build one and say efaCapable: true",
        )


@rules.rule("serving.expert-image", source="deepseek-ai/DeepEP#369: stock DeepEP has no EFA transport")
def all_to_all_between_nodes_has_an_image_for_it(stack: StackSettings) -> Iterator[Finding]:
    """Expert parallelism by all-to-all over EFA needs an image that was built for it."""
    for here in placed(stack):
        path, backend = asked_at(here.model, "moe-a2a-backend") or ("", "none")
        if backend != "none" and here.model.nodes_per_group > 1 and not here.model.engine.image.efa_expert_parallel:
            yield Finding(
                here.path(path),
                f"{backend} as SGLang ships it does not work between nodes on AWS",
                "remove it (tensor parallelism was as fast on 16 GPUs), or build an image and say "
                "engine.image.efaExpertParallel: true",
            )


@rules.rule("serving.image-gpu", source="aws/deep-learning-containers docs/sglang/changelog/index.md")
def the_image_is_built_for_the_gpu(stack: StackSettings) -> Iterator[Finding]:
    """AWS' Amazon Linux images are built for some GPUs only."""
    for here in placed(stack):
        image = resolve_image(here.model.engine)
        built = image.facts.gpu_architectures if image and image.facts else None
        if image and built and here.gpu.architecture not in built:
            yield Finding(
                here.path("engine.image.tag"),
                f"{image.reference} has {', '.join(sorted(built))}, {here.gpu.name} is {here.gpu.architecture}",
                "use an ubuntu image that ends in -ec2",
            )


@rules.rule("serving.image-digest", source="a tag can be pushed again", severity=Severity.ADVICE)
def production_images_have_a_digest(stack: StackSettings) -> Iterator[Finding]:
    """A tag can be pushed again; a digest is one image."""
    for index, model in enumerate(stack.models if stack.protect else ()):
        image = resolve_image(model.engine)
        if image and not image.digest:
            yield Finding(
                f"models[{index}].engine.image.digest",
                f"{image.reference} has no digest",
                "run sglang-hyperpod pin where there is a network",
            )


@rules.rule("serving.tcp", source="components/facts/instances.py: efa_interfaces", severity=Severity.WARNING)
def nodes_of_a_group_have_a_fast_network(stack: StackSettings) -> Iterator[Finding]:
    """Groups of several nodes on a type without EFA talk over TCP."""
    for here in placed(stack):
        if here.model.nodes_per_group > 1 and not here.node.efa_interfaces:
            yield Finding(
                here.path("nodesPerGroup"),
                f"{here.pool.instance_type} has no EFA: the group's nodes talk over TCP",
                "use a larger type, or one node per group",
            )


@rules.rule("serving.tensor-across-nodes", source="sglang docs: pipeline_parallelism.md", severity=Severity.WARNING)
def tensor_ranks_across_nodes_have_rdma(stack: StackSettings) -> Iterator[Finding]:
    """Tensor parallelism exchanges activations in every layer; pipeline stages suit slow networks."""
    for here in placed(stack):
        model = here.model
        across = model.nodes_per_group > model.parallelism.pipeline
        if across and not here.node.rdma:
            yield Finding(
                here.path("parallelism"),
                f"tensor {model.parallelism.tensor} crosses nodes of {here.pool.instance_type}, which have no RDMA",
                f"use tensor: {here.node.gpus}, pipeline: {model.nodes_per_group}",
            )


@rules.rule("serving.fit", source="sglang 0.5.8 server_args.py:879-1040, model_runner_kv_cache_mixin.py")
def the_model_fits(stack: StackSettings) -> Iterator[Finding]:
    """Weights, and one request of the whole context, fit the GPUs."""
    for here in placed(stack):
        if ranks_of(here.model).gpus != here.model.nodes_per_group * gpus_per_pod(here.model, here.node):
            continue
        sizing = try_sizing(here.model, here.gpu)
        if sizing is None or sizing.fits:
            continue
        own = context_beyond(here.model)
        if own is not None and sizing.kv_tokens >= own:
            continue  # layout.context names the smaller limit
        short = 0 < sizing.kv_tokens < (here.model.context_length or sizing.kv_tokens + 1)
        yield Finding(
            here.path("contextLength") if short else here.path("parallelism"),
            f"on {here.gpu.name} (tensor {here.model.parallelism.tensor}, pipeline "
            f"{here.model.parallelism.pipeline}): {sizing.reason}",
            f"set contextLength: {sizing.kv_tokens // 1024 * 1024} or less, kvCacheDtype: fp8_e4m3, or more GPUs"
            if sizing.kv_tokens >= 1024
            else "use more GPUs per group, GPUs with more memory, or a quantized checkpoint",
        )


@rules.rule("serving.shared-memory", source='kubernetes.io, "Volumes": an emptyDir in memory counts against the limit')
def shared_memory_fits_the_pod(stack: StackSettings) -> Iterator[Finding]:
    """Shared memory leaves memory for the processes."""
    for here in placed(stack):
        pods = max(1, here.node.gpus // gpus_per_pod(here.model, here.node))
        memory = pod_memory_gib(here.node.memory_gib, pods)
        shared = here.model.shared_memory_gib or 0
        if shared > memory // 2:
            yield Finding(
                here.path("sharedMemoryGiB"),
                f"{shared} GiB of shared memory leave {memory - shared} of the pod's {memory} GiB",
                f"use at most {memory // 2}",
            )


@rules.rule("serving.huge-pages", source="EKS user guide: the EFA driver reserves 5128 pages of 2 MiB")
def huge_pages_are_reserved(stack: StackSettings) -> Iterator[Finding]:
    """Only EFA nodes reserve huge pages, enough for two pods; a pod that asks for more fits nowhere."""
    for here in placed(stack):
        if not here.model.huge_pages:
            continue
        pods = max(1, here.node.gpus // gpus_per_pod(here.model, here.node))
        reserved = HUGE_PAGES_2MI * 2 // 1024 if here.node.efa_interfaces else 0
        if pods * HUGE_PAGES_GIB > reserved:
            yield Finding(
                here.path("hugePages"),
                f"a node of {here.pool.instance_type} reserves {reserved} GiB of huge pages, "
                f"{pods} pods ask for {pods * HUGE_PAGES_GIB}",
                "leave hugePages out: groups of several nodes on EFA get them anyway",
            )
