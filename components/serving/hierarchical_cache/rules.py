"""Rules of the hierarchical cache that need the model alone; those that need its node are in `infra.rules.tuning`."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from components.facts.engines import SUPPORTED, engine
from components.rules import Finding, Severity
from components.serving.hierarchical_cache.flags import LIMIT_VARIABLE
from components.serving.lookup import argument, facts_of
from components.serving.roles import roles
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.hierarchical_cache.settings import MooncakeSettings
    from components.serving.settings import ModelSettings

_STORAGE_PAGE: Final = 64
_BACK_ENDS: Final = ("file", "mooncake")
_WIDEST: Final = 16
"""Length of the widest network that a VPC can be."""


@rules.rule("hicache.size", source="sglang: --hicache-size overrules --hicache-ratio")
def the_size_is_said_once(model: ModelSettings) -> Iterator[Finding]:
    """The host pool has a size or a ratio."""
    cache = model.hierarchical_cache
    if cache and cache.size_gb is not None and cache.ratio is not None:
        yield Finding(
            "hierarchicalCache.ratio", f"sizeGB {cache.size_gb} overrules ratio {cache.ratio:g}", "remove one of them"
        )


@rules.rule("hicache.store", source="sglang/srt/mem_cache/storage: stores and what they need")
def storage_is_there(model: ModelSettings) -> Iterator[Finding]:
    """Pages go to the node's disk, or to a Mooncake store: the model's own, or one that somebody else runs."""
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    if storage is None:
        return
    at = "hierarchicalCache.storage"
    if storage.backend not in _BACK_ENDS:
        yield Finding(
            f"{at}.backend", f"nothing here deploys or reaches a store for {storage.backend}", "use file or mooncake"
        )
    if storage.backend == "mooncake" and storage.mooncake is None:
        yield Finding(
            f"{at}.mooncake",
            "the back end mooncake has no store",
            "set mooncake.deploy, or mooncake.master and mooncake.networks",
        )
    if storage.mooncake and storage.backend != "mooncake":
        yield Finding(f"{at}.mooncake", f"the back end {storage.backend} reads no store", "set backend: mooncake")
    if storage.max_size_gib and storage.backend != "file":
        yield Finding(f"{at}.maxSizeGiB", f"{storage.backend} has no files of this node", "remove it")


@rules.rule("hicache.store-kind", source="components/serving/mooncake: a store of the model's own")
def a_store_is_deployed_or_there(model: ModelSettings) -> Iterator[Finding]:
    """A store is the model's own, or somebody else's with an address and its networks."""
    store = _store(model)
    if store is None:
        return
    at = "hierarchicalCache.storage.mooncake"
    if store.deploy and (store.master or store.networks or store.metadata != "P2PHANDSHAKE"):
        yield Finding(
            at, "deploy makes a store, and master, networks and metadata name another one", "keep deploy, or those"
        )
    elif not store.deploy and store.master is None:
        yield Finding(f"{at}.master", "nobody runs the store", "set deploy: {segmentGiB: ...}, or the store's address")
    elif not store.deploy and not store.networks:
        yield Finding(
            f"{at}.networks", f"no policy lets engines reach {store.master}", "name the networks of the store"
        )


@rules.of_whole("hicache.store-memory", source="kvcache-ai/Mooncake docs: clients contribute the memory")
def somebody_gives_the_store_memory(model: ModelSettings) -> Iterator[Finding]:
    """A store without a segment holds nothing, and one master has one set of settings."""
    stores = [(role, store.deploy) for role in roles(model) if (store := _store(role.settings)) and store.deploy]
    if stores and not any(own.segment_gib for _, own in stores):
        role, _ = stores[0]
        yield Finding(
            role.path("hierarchicalCache.storage.mooncake.deploy.segmentGiB"),
            "no rank gives the store any memory, so it holds nothing",
            "use e.g. 16",
        )
    for role, own in stores[1:]:
        if own.model_copy(update={"segment_gib": stores[0][1].segment_gib}) != stores[0][1]:
            yield Finding(
                role.path("hierarchicalCache.storage.mooncake.deploy"),
                "both phases share one master, and give it different settings",
                "let the phases differ in segmentGiB alone",
            )


def _store(model: ModelSettings) -> MooncakeSettings | None:
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    return storage.mooncake if storage else None


@rules.rule("hicache.store-networks", source="ipaddress: IPv4Network")
def networks_of_the_store_are_networks(model: ModelSettings) -> Iterator[Finding]:
    """A policy takes networks without host bits, and one that is everywhere opens everything."""
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    for index, cidr in enumerate(storage.mooncake.networks if storage and storage.mooncake else ()):
        at = f"hierarchicalCache.storage.mooncake.networks[{index}]"
        try:
            network = IPv4Network(cidr)
        except ValueError as error:
            yield Finding(at, f"{cidr} is no network ({error})", "give its first address and its length")
            continue
        if network.prefixlen < _WIDEST:
            yield Finding(
                at, f"{cidr} lets engines connect to {network.num_addresses} addresses", "name the store's subnets"
            )


@rules.rule("hicache.store-protocol", source="sglang 0.5.13.post1 mooncake_transfer_engine.py:196: MOONCAKE_PROTOCOL")
def one_process_has_one_protocol(model: ModelSettings) -> Iterator[Finding]:
    """Mooncake as the way from prefill to decode reads the same variable as the store."""
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    split = model.disaggregation
    if storage and storage.mooncake and split and split.transport.startswith("mooncake"):
        yield Finding(
            "hierarchicalCache.storage.mooncake",
            f"the store speaks TCP, and MOONCAKE_PROTOCOL belongs to the transport {split.transport}",
            "use the transport nixl-libfabric, or storage.backend: file",
        )


@rules.rule("hicache.layout", source="sglang 0.5.17 server_args.py _resolve_layout_io_compatibility")
def the_layout_suits_the_copies(model: ModelSettings) -> Iterator[Finding]:
    """page_first is moved by a kernel, page_first_direct by copies; the engine changes what does not fit."""
    cache = model.hierarchical_cache
    wanted = {"page_first": "kernel", "page_first_direct": "direct"}
    if cache and cache.memory_layout in wanted and cache.io_backend not in (None, wanted[cache.memory_layout]):
        yield Finding(
            "hierarchicalCache.ioBackend",
            f"{cache.memory_layout} is not moved by {cache.io_backend}",
            f"use {wanted[cache.memory_layout]}",
        )


@rules.rule(
    "hicache.storage-pages",
    source="sglang 0.5.8 mem_cache/hicache_storage.py: a file per page",
    severity=Severity.WARNING,
)
def files_hold_whole_pages(model: ModelSettings) -> Iterator[Finding]:
    """Storage holds a file for each page of tokens."""
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    facts, page = facts_of(model), argument(model, "page-size")
    small = (page is None and not (facts and facts.indexer)) or (isinstance(page, int) and page < _STORAGE_PAGE)
    if storage and storage.backend == "file" and small:
        yield Finding(
            "scheduling.pageSize",
            f"storage keeps a file for each page, and a page is {page or 1} tokens"
            if page and page != 1
            else "storage keeps a file for each page, and a page is one token",
            f"set it to {_STORAGE_PAGE}",
        )


@rules.rule("hicache.files-limit", source="sglang 0.5.17 mem_cache/storage/file/lru_file_evictor.py")
def the_release_limits_its_files(model: ModelSettings) -> Iterator[Finding]:
    """Older releases delete none of their files."""
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    known = model.engine.version not in SUPPORTED or LIMIT_VARIABLE in engine(model.engine.version).variables
    if storage and storage.max_size_gib and not known:
        yield Finding(
            "hierarchicalCache.storage.maxSizeGiB",
            f"SGLang {model.engine.version} does not limit its files",
            "use engine.version 0.5.17 or newer, or remove it",
        )


@rules.rule(
    "hicache.files-grow", source="sglang 0.5.17 environ.py: eviction of files is opt-in", severity=Severity.WARNING
)
def files_go_away(model: ModelSettings) -> Iterator[Finding]:
    """Without a limit nothing deletes the files, and compile caches share their disk."""
    storage = model.hierarchical_cache.storage if model.hierarchical_cache else None
    if storage and storage.backend == "file" and storage.max_size_gib is None:
        yield Finding(
            "hierarchicalCache.storage.maxSizeGiB",
            "nothing deletes the files until the node's NVMe is full",
            "set it, e.g. 200",
        )
