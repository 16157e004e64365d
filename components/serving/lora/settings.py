"""Settings of LoRA adapters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.serving.engine.typed import Flag, Switch
from components.serving.weights.settings import FilePath, HubId, Revision
from components.settings import Settings

AdapterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=63)]
"""What clients write behind the model's name: `model:adapter`."""


class AdapterSettings(Settings):
    """One adapter, loaded at start."""

    name: AdapterName
    """Name that requests use."""
    model: HubId | None = None
    """Hugging Face id; fetched to the file system beside the model's own weights."""
    revision: Revision | None = None
    """Commit, tag or branch of `model`."""
    path: FilePath | None = None
    """Folder on the file system, for an adapter that is there already, instead of `model`."""
    pinned: bool = False
    """Never leaves the GPU, whatever else is asked for."""


class LoraSettings(Settings):
    """Adapters. They take GPU memory for `maxLorasPerBatch` of them at `maxRank`, whether they are used or not."""

    adapters: Annotated[list[AdapterSettings], Field(max_length=256)] = []
    """Adapters that are there from the start; further ones come by `/load_lora_adapter`."""
    max_rank: Annotated[Annotated[int, Field(ge=1, le=1024)], Flag("--max-lora-rank")]
    """Largest rank of any adapter."""
    target_modules: Annotated[
        Annotated[list[str], Field(min_length=1, max_length=16)] | None, Flag("--lora-target-modules")
    ] = None
    """Modules that adapters change, or `[all]`; by default those of the adapters given, so that a later one with
    others is refused."""
    max_loras_per_batch: Annotated[Annotated[int, Field(ge=1, le=256)] | None, Flag("--max-loras-per-batch")] = None
    """Adapters that one batch may use, the bare model counted."""
    max_loaded: Annotated[Annotated[int, Field(ge=1, le=4096)] | None, Flag("--max-loaded-loras")] = None
    """Adapters that CPU memory holds."""
    eviction_policy: Annotated[Literal["lru", "fifo"] | None, Flag("--lora-eviction-policy")] = None
    """Which adapter leaves the GPU for another."""
    backend: Annotated[str | None, Flag("--lora-backend")] = None
    """Kernels, one of the release's choices: `csgmv`, `triton`, ..."""
    max_chunk_size: Annotated[Literal[16, 32, 64, 128] | None, Flag("--max-lora-chunk-size")] = None
    """Tokens of one chunk of the chunked kernels."""
    overlap_loading: Annotated[bool | None, Switch(on=("--enable-lora-overlap-loading",))] = None
    """Loads an adapter while others compute; its memory on the host is pinned."""
