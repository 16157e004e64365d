"""What the file system comes to: its throughput, metadata and version, and what its size must be a multiple of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.aws.lustre.settings import DeploymentType, LustreSettings

SCRATCH_MB_PER_TIB: Final = 200
"""Throughput of scratch file systems in MB/s per TiB (FSx for Lustre user guide, "Performance")."""

EFA_CAPACITY_STEP: Final = {125: 38400, 250: 19200, 500: 9600, 1000: 4800}
"""GiB that the size of an EFA-enabled file system is a multiple of, by throughput per TiB (FSx for Lustre user guide,
"Increase storage capacity")."""


@dataclass(frozen=True, slots=True)
class FileSystemPlan:
    """The file system, resolved. `throughput_mb_per_s` is the whole file system's, in MB (10^6 bytes) per second."""

    settings: LustreSettings
    zone: str
    capacity_gib: int
    throughput_mb_per_s: float
    efa: bool
    metadata_mode: str | None
    metadata_iops: int | None
    version: str
    mount_path: str
    existing: bool


def plan_file_system(settings: LustreSettings) -> FileSystemPlan:
    """Resolve the settings; EFA needs a metadata configuration, so that one is filled in."""
    metadata = settings.metadata
    mode = metadata.mode if metadata else "AUTOMATIC" if settings.efa else None
    return FileSystemPlan(
        settings=settings,
        zone=settings.zone,
        capacity_gib=settings.storage_capacity_gib,
        throughput_mb_per_s=throughput_mb_per_s(settings),
        efa=settings.efa,
        metadata_mode=mode,
        metadata_iops=metadata.iops if metadata else None,
        version=settings.version,
        mount_path=settings.mount_path,
        existing=settings.existing is not None,
    )


def throughput_mb_per_s(settings: LustreSettings) -> float:
    """Throughput of the whole file system in MB/s: per TiB times its size."""
    scratch = settings.deployment_type is DeploymentType.SCRATCH_2
    per_tib = SCRATCH_MB_PER_TIB if scratch else settings.throughput_per_tib or 0
    return per_tib * settings.storage_capacity_gib / 1024
