"""Settings of the weights: where they come from and which revision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from components.settings import Settings

HubId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", max_length=128)]
"""`owner/name` on Hugging Face."""

FilePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$", max_length=512)]
"""A place on the stack's file system, from its root."""

Revision = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,100}$")]
"""Commit, tag or branch on Hugging Face."""


class WeightsSource(StrEnum):
    """Where the checkpoint is."""

    HUGGING_FACE = "huggingFace"
    S3 = "s3"
    FSX = "fsx"


class WeightsSettings(Settings):
    """The checkpoint. From Hugging Face it is fetched once into the shared file system, before GPUs exist."""

    source: WeightsSource = WeightsSource.HUGGING_FACE
    """`huggingFace`: fetched by the model's id. `fsx`: already on the file system at `path`, for example by a data
    repository association. `s3`: streamed by every rank from `uri`."""
    path: FilePath | None = None
    """Folder of the checkpoint on the file system, from its root, e.g. `/checkpoints/deepseek-r1`."""
    uri: Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$")] | None = None
    """`s3://bucket/prefix` of the checkpoint."""
    revision: Revision | None = None
    """Commit, tag or branch on Hugging Face; a commit (40 hex digits) is the only one that cannot change."""
    token_secret: str | None = None
    """Name under `secrets` of a Hugging Face token, for gated models. Only the prefetch job ever sees it."""
    endpoint: Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.:/-]+$")] | None = None
    """Mirror of the Hugging Face Hub, as `HF_ENDPOINT`."""
    staging: bool = False
    """Copies the checkpoint to the NVMe of each node before its engine starts, and the engine reads it from there: a
    group that is made anew on its nodes loads at the speed of their disks. Each node holds a whole copy; adapters and
    draft models stay on the file system."""
    size_gib: float | None = Field(default=None, gt=0, le=10000, alias="sizeGiB")
    """Size of the checkpoint in GiB where the model's facts do not give it; decides load time and probes."""
