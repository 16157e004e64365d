"""How much host memory the hierarchical cache takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.serving.hierarchical_cache.flags import DEFAULT_RATIO

if TYPE_CHECKING:
    from components.serving.hierarchical_cache.settings import HierarchicalCacheSettings
    from components.serving.sizing import Sizing

_GIB: Final = 2**30

ENGINE_RESERVE_GIB: Final = 10
"""GiB of host memory that the engine itself wants to stay free (0.5.8 mem_cache/memory_pool_host.py). It looks at the
node's memory and not at the pod's limit, which would end the pod instead."""


def host_gib(settings: HierarchicalCacheSettings, sizing: Sizing) -> float:
    """GiB of host memory of one rank."""
    if settings.size_gb is not None:
        return settings.size_gb * 1e9 / _GIB
    return (settings.ratio or DEFAULT_RATIO) * device_gib(sizing)


def device_gib(sizing: Sizing) -> float:
    """GiB of KV cache on one GPU, which the host's must exceed."""
    return sizing.kv_tokens * sizing.kv_bytes_per_token / _GIB
