"""What the hierarchical cache adds to the command line and the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.serving.engine.environment import CACHE, POD_ADDRESS
from components.serving.engine.typed import Said

if TYPE_CHECKING:
    from components.serving.hierarchical_cache.settings import HierarchicalCacheSettings

DEFAULT_RATIO: Final = 2.0
"""Host pool in sizes of the GPU's; always written, since later releases take most of the host's memory without it
(0.5.23 `--hicache-host-memory-fraction` 0.8)."""

LIMIT_VARIABLE: Final = "SGLANG_HICACHE_FILE_BACKEND_MAX_SIZE"

FOLDER: Final = f"{CACHE}/hicache"
"""Where pages lie as files: on the node's NVMe, beside the compile caches."""


def said(settings: HierarchicalCacheSettings) -> Iterator[Said]:
    """The flag that switches it on, and its size."""
    yield Said("hierarchicalCache", (("--enable-hierarchical-cache", True),))
    if settings.ratio is None and settings.size_gb is None:
        yield Said("hierarchicalCache.ratio", (("--hicache-ratio", DEFAULT_RATIO),))


def environment(settings: HierarchicalCacheSettings | None) -> dict[str, str]:
    """Where the engine puts the files and how many bytes of them a rank may have, or which store that is
    there already it is a client of."""
    if settings is None or settings.storage is None:
        return {}
    store = settings.storage.mooncake
    if store:
        return _client(store.master, store.metadata) if store.master else {}
    size = settings.storage.max_size_gib
    limit = {LIMIT_VARIABLE: str(size * 2**30)} if size else {}
    return {"SGLANG_HICACHE_FILE_BACKEND_STORAGE_DIR": FOLDER, **limit}


def networks(settings: HierarchicalCacheSettings | None) -> tuple[str, ...]:
    """Networks that engines must reach: those of the store."""
    store = settings.storage.mooncake if settings and settings.storage else None
    return tuple(store.networks) if store else ()


def _client(master: str, metadata: str) -> dict[str, str]:
    """What `MooncakeStoreConfig.load_from_env` reads (sglang mem_cache/storage/mooncake_store/mooncake_store.py).

    A segment of 0 makes the engine a client alone: nobody fetches pages from it, so that nothing need reach it.
    """
    return {
        "MOONCAKE_MASTER": master,
        "MOONCAKE_TE_META_DATA_SERVER": metadata,
        "MOONCAKE_PROTOCOL": "tcp",
        "MOONCAKE_GLOBAL_SEGMENT_SIZE": "0",
        "MOONCAKE_LOCAL_HOSTNAME": f"$({POD_ADDRESS})",
    }
