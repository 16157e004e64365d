"""Rules of an engine's tuning that need the model's node: its GPU, its links, its memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Final

from components.facts.device_names import DEVICE_NAMES
from components.facts.engines import at_least
from components.rules import Finding, RuleSet, Severity, join
from components.serving.hierarchical_cache.memory import ENGINE_RESERVE_GIB, device_gib, host_gib
from components.serving.kernels.rules import ATTENTION_FLAGS
from components.serving.lookup import all_to_all, argument, asked_at, facts_of
from components.serving.mooncake.plan import master_gib, own_store
from components.serving.placement import gpus_per_pod, try_sizing
from components.serving.pods.resources import pod_resources
from components.serving.tuned_files.rules import shape
from components.serving.weights.settings import WeightsSource
from components.words import count
from infra.rules.serving import Placed, at_most, located, placed

if TYPE_CHECKING:
    from components.facts.instances import Gpu
    from infra.settings.stack import StackSettings

rules = RuleSet("")

_HOPPER, _BLACKWELL = 9, 10
_BLACKWELL_ONLY: Final = ("cutlass_mla", "cutedsl_mla", "tokenspeed_mla", "trtllm_mla", "trtllm_mha")
_HOPPER_DECODES_SINCE: Final = "0.5.17"
"""Since then trtllm_mha decodes on Hopper and on workstation Blackwell too."""
_LOW_LATENCY_FRACTION: Final = 0.75
_LARGE_PAGE: Final = 64


@rules.rule(
    "tuning.attention-gpu", source="sglang 0.5.8 layers/attention/attention_registry.py, server_args.py:1735-1770"
)
def attention_runs_on_the_gpu(stack: StackSettings) -> Iterator[Finding]:
    """Some attention back ends are built for one generation of GPUs."""
    for here in placed(stack):
        facts = facts_of(here.model)
        for flag in ATTENTION_FLAGS:
            path, backend = asked_at(here.model, flag) or ("", None)
            latent = bool(facts and facts.mla)
            why = _refused(str(backend), here.gpu, latent=latent, decodes=_decodes(here.model.engine.version, flag))
            if backend is not None and why:
                yield Finding(
                    here.path(path), f"{backend} {why}, {here.gpu.name} is {here.gpu.architecture}", "remove it"
                )


def _decodes(version: str, flag: str) -> bool:
    return flag == "decode-attention-backend" and at_least(version, _HOPPER_DECODES_SINCE)


def _refused(backend: str, gpu: Gpu, *, latent: bool, decodes: bool) -> str | None:
    """Why a GPU cannot run a back end; None where nothing speaks against it. `decodes`: it only decodes."""
    major = gpu.compute_capability[0]
    if backend == "fa3" and not (major == _HOPPER or (major == _HOPPER - 1 and not latent)):
        return "is for Hopper (latent attention) or Ampere to Hopper (else)"
    if backend == "trtllm_mha" and decodes and major in (_HOPPER, 12):
        return None
    return "is for Blackwell (sm_100, sm_103)" if backend in _BLACKWELL_ONLY and major != _BLACKWELL else None


@rules.rule("tuning.expert-links", source="deepseek-ai/DeepEP README: intranode kernels use NVLink")
def experts_are_linked(stack: StackSettings) -> Iterator[Finding]:
    """Ranks of one node exchange experts' tokens over NVLink."""
    for here in placed(stack):
        path, backend = asked_at(here.model, "moe-a2a-backend") or ("", None)
        if all_to_all(here.model) and not here.gpu.nvlink and here.node.gpus > 1:
            yield Finding(
                here.path(path),
                f"{backend} exchanges over NVLink, which {here.pool.instance_type} lacks",
                "remove it",
            )


@rules.rule(
    "tuning.low-latency-memory",
    source="awslabs/awsome-distributed-ai deepep-benchmark: low-latency buffers over EFA",
    severity=Severity.WARNING,
)
def low_latency_buffers_have_room(stack: StackSettings) -> Iterator[Finding]:
    """DeepEP's buffers for decoding lie beside the static fraction, and over EFA they are large."""
    for here in placed(stack):
        model = here.model
        between_nodes = model.nodes_per_group > 1 and model.engine.image.efa_expert_parallel
        if argument(model, "moe-a2a-backend") != "deepep" or not between_nodes:
            continue
        fraction = model.mem_fraction_static
        if argument(model, "deepep-mode") != "normal" and (fraction is None or fraction > _LOW_LATENCY_FRACTION):
            yield Finding(
                here.path("memFractionStatic"),
                f"{'the default fraction' if fraction is None else fraction} leaves little for DeepEP's low-latency "
                "buffers over EFA",
                f"use {_LOW_LATENCY_FRACTION} or less",
            )


@rules.rule("tuning.host-memory", source="sglang 0.5.8 mem_cache/memory_pool_host.py: a pool for every rank")
def the_pod_has_the_host_memory(stack: StackSettings) -> Iterator[Finding]:
    """Every rank keeps a pool in the memory of its pod, beside shared memory and what the engine wants to stay free."""
    for here in placed(stack):
        cache, sizing = here.model.hierarchical_cache, try_sizing(here.model, here.gpu)
        if cache is None or sizing is None:
            continue
        gpus = gpus_per_pod(here.model, here.node)
        pool, own = host_gib(cache, sizing), own_store(here.model)
        segment = own.segment_gib if own else 0
        memory, shared = _pod_memory(here, gpus)
        if gpus * (pool + segment) + shared + ENGINE_RESERVE_GIB > memory:
            most = int(((memory - shared - ENGINE_RESERVE_GIB) / gpus - segment) * 2**30 / 1e9)
            store = f" and {segment} GiB for the store" if segment else ""
            yield Finding(
                here.path(f"hierarchicalCache.{'ratio' if cache.size_gb is None else 'sizeGB'}"),
                f"{gpus} ranks of {pool:.0f} GiB{store}, {shared} GiB of shared memory and {ENGINE_RESERVE_GIB} GiB "
                f"that the engine keeps free are more than the pod's {memory} GiB",
                f"use sizeGB: {most}" if most > 0 else "give the store less, or use a type with more memory",
            )


@rules.rule(
    "tuning.store-master", source="components/serving/mooncake/plan.py: memory of a page", severity=Severity.WARNING
)
def the_master_knows_all_pages(stack: StackSettings) -> Iterator[Finding]:
    """The master keeps a record of every page, and is ended at its memory limit, with everything that it knew."""
    for here in placed(stack):
        own, sizing = own_store(here.model), try_sizing(here.model, here.gpu)
        if own is None or sizing is None or not own.segment_gib or not sizing.kv_bytes_per_token:
            continue
        page, facts = argument(here.model, "page-size"), facts_of(here.model)
        tokens = page if isinstance(page, int) else 1
        ranks = at_most(here.model) * here.model.nodes_per_group * gpus_per_pod(here.model, here.node)
        pages = ranks * own.segment_gib * 2**30 / (tokens * sizing.kv_bytes_per_token)
        # Keys and values of a page are two objects, the latent cache is one.
        needed = master_gib(pages if facts and facts.mla else 2 * pages)
        if needed > own.resources.memory_gib:
            yield Finding(
                here.path("hierarchicalCache.storage.mooncake.deploy.resources.memoryGiB"),
                f"{ranks} segments of {own.segment_gib} GiB hold {pages / 1e6:.1f} million pages of "
                f"{count(tokens, 'token')}, whose records take {needed:.1f} GiB of the master's "
                f"{own.resources.memory_gib}",
                f"use {ceil(needed)}" + ("" if tokens >= _LARGE_PAGE else f", or scheduling.pageSize: {_LARGE_PAGE}"),
            )


def _pod_memory(here: Placed, gpus: int) -> tuple[int, int]:
    """GiB of memory and of shared memory of a pod."""
    resources = pod_resources(
        vcpus=here.node.vcpu,
        memory_gib=here.node.memory_gib,
        pods_per_node=max(1, here.node.gpus // gpus),
        gpus=gpus,
        efa=0,
        shared_memory_gib=here.model.shared_memory_gib,
        huge_pages=None,
    )
    return resources.memory_gib, resources.shared_memory_gib


@rules.rule(
    "tuning.host-pool", source="sglang 0.5.8 mem_cache/memory_pool_host.py: host memory larger than device memory"
)
def the_host_holds_more_than_the_gpu(stack: StackSettings) -> Iterator[Finding]:
    """The engine refuses a host pool that is no larger than the GPU's."""
    for here in placed(stack):
        cache, sizing = here.model.hierarchical_cache, try_sizing(here.model, here.gpu)
        if cache is None or sizing is None or cache.size_gb is None or not sizing.fits:
            continue
        host, device = host_gib(cache, sizing), device_gib(sizing)
        if host <= device:
            yield Finding(
                here.path("hierarchicalCache.sizeGB"),
                f"{host:.1f} GiB on the host are no more than the {device:.1f} GiB of KV cache on the GPU",
                f"use {int(device * 2 * 2**30 / 1e9)} or so",
            )


@rules.rule("tuning.storage-disk", source="components/facts/instances.py: nvme_gb")
def files_have_a_disk(stack: StackSettings) -> Iterator[Finding]:
    """Pages as files lie on the node's NVMe; without one they would fill its root disk."""
    for here in placed(stack):
        cache = here.model.hierarchical_cache
        if cache is None or cache.storage is None or cache.storage.backend != "file":
            continue
        at = here.path("hierarchicalCache.storage")
        disk = here.node.nvme_gb * 1e9 / 2**30
        needed = (cache.storage.max_size_gib or 0) * here.node.gpus
        if not disk:
            yield Finding(at, f"{here.pool.instance_type} has no NVMe for files", "remove storage, or use another type")
        elif needed > disk:
            yield Finding(
                f"{at}.maxSizeGiB",
                f"{here.node.gpus} ranks of {cache.storage.max_size_gib} GiB are more than the {disk:.0f} GiB of NVMe",
                f"use at most {int(disk * 0.8 / here.node.gpus)}",
            )


@rules.rule("tuning.device", source="components/facts/device_names.py: names in the tuner's files")
def kernels_are_for_the_gpu(stack: StackSettings) -> Iterator[Finding]:
    """A tuned file is read on the GPU that it names."""
    for here in placed(stack):
        own = DEVICE_NAMES[here.gpu.name]
        for index, file in enumerate(here.model.tuned_files.fused_moe if here.model.tuned_files else ()):
            _, _, device = shape(file)
            if device != own:
                yield Finding(
                    here.path(f"tunedFiles.fusedMoe[{index}].name"),
                    f"a file for {device} is never read on {here.gpu.name}, which calls itself {own}",
                    "tune on this GPU, or remove it",
                )


@rules.rule("tuning.file-system", source="paths are those of the stack's file system")
def paths_have_a_file_system(stack: StackSettings) -> Iterator[Finding]:
    """Drafts, adapters and tuned files by path lie on the file system, which pods see with their weights."""
    for at, role in located(stack):
        model = role.settings
        if stack.file_system is not None and model.weights.source is not WeightsSource.S3:
            continue
        draft = model.speculative.draft if model.speculative else None
        tuned = model.tuned_files
        paths = {
            "speculative.draft.path": draft.path if draft else None,
            "tunedFiles.fusedMoePath": tuned.fused_moe_path if tuned else None,
            "tunedFiles.expertLocation": tuned.expert_location if tuned else None,
        }
        for place, adapter in enumerate(model.lora.adapters if model.lora else ()):
            paths[f"lora.adapters[{place}].path"] = adapter.path
        for path, value in paths.items():
            if value is not None:
                why = "pods of weights from S3 see no file system" if stack.file_system else "there is no file system"
                yield Finding(
                    join(at, role.path(path)), f"{why} for {value} to be on", "add fileSystem, or weights.source: fsx"
                )
