"""Where a rank finds its weights, and what has to be fetched before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from components.serving.weights.settings import WeightsSettings, WeightsSource

_MIB_PER_GIB: Final = 2**30 / 1e6
"""Megabytes (10^6 bytes, in which FSx counts throughput) of a GiB."""

_LEAST_MB_PER_S: Final = 300
"""Slowest reading, in MB (10^6 bytes) per second and node, that copying is allowed; the probes allow it to loading."""

STAGED_MOUNT: Final = "/staged-weights"
"""Where pods see the folder of checkpoints on their node's NVMe."""


@dataclass(frozen=True, slots=True)
class WeightsPlan:
    """A model's weights. `size_gib` is None where nobody knows it.

    `model_path` is where the checkpoint is: a folder, a bucket's or the hub's; `mount_path` is where pods see the
    shared file system, None where the weights do not come from it. `staged`: each node gets a copy of its own first.
    """

    source: WeightsSource
    model: str
    revision: str | None
    model_path: str
    size_gib: float | None
    mount_path: str | None
    endpoint: str | None = None
    token_secret: str | None = None
    staged: bool = False

    @property
    def engine_path(self) -> str:
        """What the engine gets as its model."""
        if not self.staged or self.mount_path is None:
            return self.model_path
        return f"{self.staged_mount}{self.model_path.removeprefix(self.mount_path)}"

    @property
    def staged_mount(self) -> str:
        """Where pods see what was copied to the node."""
        return STAGED_MOUNT

    @property
    def staging_minutes(self) -> int:
        """Minutes that copying may take at 300 MB/s, beside the engine's own start."""
        return math.ceil((self.size_gib or 0) * _MIB_PER_GIB / _LEAST_MB_PER_S / 60) if self.staged else 0

    @property
    def mounted(self) -> bool:
        """Whether the engine reads from the shared file system."""
        return self.mount_path is not None

    @property
    def prefetched(self) -> bool:
        """Whether a job on the CPU pool makes the folder complete before an engine starts."""
        return self.mounted

    @property
    def offline(self) -> bool:
        """Whether the engine reaches no hub."""
        return self.mounted or self.source is WeightsSource.S3

    @property
    def bucket(self) -> str | None:
        """S3 bucket that every rank reads, or None."""
        return urlsplit(self.model_path).netloc if self.source is WeightsSource.S3 else None

    @property
    def prefix(self) -> str | None:
        """Key prefix in the bucket, without slashes around it, or None."""
        return urlsplit(self.model_path).path.strip("/") if self.source is WeightsSource.S3 else None


def plan_weights(
    settings: WeightsSettings, model: str, *, mount_path: str | None, size_gib: float | None = None
) -> WeightsPlan:
    """Resolve a checkpoint's place. `mount_path` is where pods see the stack's file system, None where it has none;
    `size_gib` is what the model's facts say.
    """
    size = settings.size_gib or size_gib
    staged = settings.staging and mount_path is not None
    if settings.source is WeightsSource.S3:
        return WeightsPlan(settings.source, model, settings.revision, settings.uri or "", size, None)
    if settings.source is WeightsSource.FSX:
        path = f"{mount_path or ''}{settings.path or '/'}".rstrip("/")
        return WeightsPlan(settings.source, model, settings.revision, path, size, mount_path, staged=staged)
    path = f"{mount_path}/{folder(model, settings.revision)}" if mount_path else model
    return WeightsPlan(
        settings.source,
        model,
        settings.revision,
        path,
        size,
        mount_path,
        endpoint=settings.endpoint,
        token_secret=settings.token_secret,
        staged=staged,
    )


def folder(model: str, revision: str | None) -> str:
    """Folder of a Hugging Face checkpoint on the file system; each revision has its own, so that none is overwritten.

    >>> folder("deepseek-ai/DeepSeek-R1", None)
    'huggingface/deepseek-ai/DeepSeek-R1/main'
    """
    return f"huggingface/{model}/{(revision or 'main').replace('/', '--')}"


def load_minutes(size_gib: float, readers: int, throughput_mb_per_s: float) -> float:
    """Minutes until `readers` nodes have each read the whole checkpoint from one file system.

    >>> round(load_minutes(689e9 / 2**30, 2, 1200 / 1024 * 250))
    78
    """
    return size_gib * _MIB_PER_GIB * readers / throughput_mb_per_s / 60
