"""Settings of the hierarchical KV cache."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.serving.engine.typed import Flag
from components.serving.mooncake.settings import OwnStoreSettings
from components.settings import Ipv4Cidr, Settings


class MooncakeSettings(Settings):
    """A Mooncake store: one that the stack deploys (`deploy`), or one that somebody else runs (`master`, `networks`),
    of which engines are clients alone: they put pages there and give it no memory.

    It speaks TCP: the images carry no Mooncake with EFA.
    """

    deploy: OwnStoreSettings | None = None
    """A store for this model alone, in the memory of its engines' pods."""
    master: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:\d{1,5}$", max_length=260)]
        | None
    ) = None
    """Host and port of its master, e.g. `mooncake.example.internal:50051`."""
    networks: Annotated[list[Ipv4Cidr], Field(max_length=16)] = []
    """Where its master and its servers are; engines may connect to every port there, since servers choose theirs."""
    metadata: Annotated[str, StringConstraints(pattern=r"^(P2PHANDSHAKE|https?://[A-Za-z0-9.:/_-]+)$")] = "P2PHANDSHAKE"
    """Where its servers' addresses are kept; `P2PHANDSHAKE` for a store that hands them out itself."""


class StorageSettings(Settings):
    """The level below host memory."""

    backend: Annotated[str, Flag("--hicache-storage-backend")] = "file"
    """`file`: pages as files on the node's own NVMe, beside the compile caches. `mooncake`: a store over the network,
    the model's own or one that is there already. Other stores are not offered: nothing here deploys or reaches them."""
    prefetch_policy: Annotated[
        Literal["best_effort", "wait_complete", "timeout"] | None, Flag("--hicache-storage-prefetch-policy")
    ] = None
    """How long a request waits for pages from storage."""
    mooncake: MooncakeSettings | None = None
    """The store of the back end `mooncake`."""
    max_size_gib: Annotated[int, Field(ge=1, le=65536)] | None = Field(default=None, alias="maxSizeGiB")
    """GiB of files of one rank, of which the least used go first; from 0.5.17 on. Without it nothing deletes them."""


class HierarchicalCacheSettings(Settings):
    """Prefixes that leave the GPU stay in host memory, and below that in storage.

    Host memory is the pod's own, and must hold more than the GPU: every rank keeps a pool there.
    """

    ratio: Annotated[Annotated[float, Field(gt=1, le=64)] | None, Flag("--hicache-ratio")] = None
    """Size of a rank's host pool in sizes of its GPU pool; 2 where neither it nor `sizeGB` is given."""
    size_gb: Annotated[Annotated[int, Field(ge=1, le=4096)] | None, Flag("--hicache-size")] = Field(
        default=None, alias="sizeGB"
    )
    """Size of a rank's host pool in GB (10^9 bytes), instead of `ratio`."""
    write_policy: Annotated[
        Literal["write_back", "write_through", "write_through_selective"] | None, Flag("--hicache-write-policy")
    ] = None
    """When a page goes down a level: at eviction, at once, or when it was used twice."""
    io_backend: Annotated[Literal["direct", "kernel"] | None, Flag("--hicache-io-backend")] = None
    """How pages move between GPU and host: by copies or by a kernel."""
    memory_layout: Annotated[
        Literal["layer_first", "page_first", "page_first_direct"] | None, Flag("--hicache-mem-layout")
    ] = None
    """Order of pages in host memory."""
    storage: StorageSettings | None = None
    """The level below host memory."""
