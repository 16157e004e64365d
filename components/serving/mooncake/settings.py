"""Settings of a Mooncake store that the stack deploys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings import Quantity, Settings


class MasterResourceSettings(Settings):
    """What the master asks for; it needs no GPU and runs on the system pool."""

    cpu: Quantity = "1"
    """CPU request. There is no limit: every page is asked for at the master before it is read."""
    memory_gib: Annotated[int, Field(ge=1, le=512)] = Field(default=2, alias="memoryGiB")
    """GiB of memory, request and limit: 55 MiB, and 0.9 KiB for each object of the store (0.3.13.post1, seen)."""


class OwnStoreSettings(Settings):
    """A store for this model alone. The pages lie in the memory of the engines' pods, and go with their group; the
    master knows where they are. When it restarts, all pages are forgotten: that is cache, and nothing else is lost.
    While it is away engines serve on without the store, but none can start.
    """

    segment_gib: Annotated[int, Field(ge=0, le=1024)] = Field(alias="segmentGiB")
    """GiB that each rank gives to the store, beside its own pool; 0 for a phase that only reads and writes."""
    high_watermark: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Share of the store above which pages go that were used least; releases differ in their default."""
    evicted_share: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Share of the pages that go then."""
    resources: MasterResourceSettings = MasterResourceSettings()
    """CPU and memory of the master."""
