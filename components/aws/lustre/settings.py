"""Settings of the FSx for Lustre file system that holds the weights, and the matrix of what AWS can make."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.settings import Arn, Settings, ZoneId


class DeploymentType(StrEnum):
    """Kinds of Lustre file systems; only `PERSISTENT_2` can have EFA, metadata IOPS and today's throughput."""

    SCRATCH_2 = "SCRATCH_2"
    PERSISTENT_1 = "PERSISTENT_1"
    PERSISTENT_2 = "PERSISTENT_2"


S3Uri = Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$", max_length=900)]
"""A bucket or a prefix in it, e.g. `s3://models/deepseek-ai/`."""

FileSystemDirectory = Annotated[str, StringConstraints(pattern=r"^/([^\s]*)?$", max_length=4096)]
"""A directory of the file system as seen from its root, e.g. `/models`."""

DataEvent = Literal["NEW", "CHANGED", "DELETED"]


class Metadata(Settings):
    """Metadata performance of a `PERSISTENT_2` file system."""

    mode: Literal["AUTOMATIC", "USER_PROVISIONED"] = "AUTOMATIC"
    """`AUTOMATIC` follows the storage capacity; `USER_PROVISIONED` takes `iops`."""
    iops: Annotated[int, Field(ge=1500, le=192000)] | None = None
    """Metadata operations per second: 1500, 3000, 6000, or a multiple of 12000; only with `USER_PROVISIONED`."""


class DataRepository(Settings):
    """A link between a directory and an S3 prefix: objects appear as files and load when they are first read."""

    s3_uri: S3Uri
    """Bucket or prefix; no two links may overlap."""
    directory: FileSystemDirectory = "/"
    """Directory of the file system; no two links may overlap."""
    auto_import: list[DataEvent] = ["NEW", "CHANGED", "DELETED"]
    """Changes in S3 that follow into the file system; empty for none."""
    auto_export: list[DataEvent] = []
    """Changes in the file system that follow into S3; empty (the default) leaves the bucket alone."""
    import_metadata: bool = True
    """List what is in S3 when the link is made, so that the files are seen at once."""
    chunk_size_mib: Annotated[int, Field(ge=1, le=512000, alias="chunkSizeMiB")] = 1024
    """How much of an imported file lies on one disk, in MiB: large files are striped over more disks."""


class ExistingFileSystem(Settings):
    """A file system that somebody else made: the stack mounts it and changes nothing in it."""

    file_system_id: Annotated[str, StringConstraints(pattern=r"^fs-[0-9a-f]{8,40}$")]
    """Id, e.g. `fs-0199e5a63bd90f796`."""
    dns_name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+$", max_length=275)]
    """DNS name, e.g. `fs-0199e5a63bd90f796.fsx.us-east-1.amazonaws.com`."""
    mount_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,8}$")]
    """Mount name, e.g. `fsx` or `abcdefgh`."""


class LustreSettings(Settings):
    """The file system, in the zone of the GPU pool that reads it: FSx lives in one subnet."""

    zone: ZoneId
    """Zone id; the GPU pools' zone, or reads cross zones, slowly and for a charge."""
    deployment_type: DeploymentType = DeploymentType.PERSISTENT_2
    """Kind of file system."""
    storage_capacity_gib: Annotated[int, Field(ge=1200, le=10_000_000, alias="storageCapacityGiB")] = 1200
    """Size in GiB; it can grow, never shrink. Multiples depend on the kind, on throughput, and on EFA."""
    throughput_per_tib: Annotated[int, Field(ge=12, le=1000)] | None = Field(default=250, alias="throughputPerTiB")
    """Throughput in MB/s per TiB of size: 125, 250, 500 or 1000 (`PERSISTENT_1`: 50, 100, 200); null for scratch."""
    efa: bool = False
    """Reach the file system over EFA; only at creation, and its throughput is then frozen."""
    metadata: Metadata | None = None
    """Metadata performance; null leaves the default, `AUTOMATIC` where EFA needs one."""
    compression: Literal["LZ4", "NONE"] = "LZ4"
    """Compression of data at rest; weights in 8 or 16 bits shrink little, but LZ4 costs nothing to read."""
    version: Literal["2.12", "2.15"] = "2.15"
    """Lustre version; 2.15 where metadata is configured."""
    backup_retention_days: Annotated[int, Field(ge=0, le=90)] = 0
    """Days that automatic backups are kept; 0 makes none, since weights come again from where they came."""
    kms_key_arn: Arn | None = None
    """KMS key for data at rest; null takes the account's key for FSx."""
    weekly_maintenance: Annotated[str, StringConstraints(pattern=r"^[1-7]:([01]\d|2[0-3]):[0-5]\d$")] | None = None
    """Start of the weekly maintenance in UTC as `d:HH:MM`, 1 for Monday; null lets AWS choose."""
    data_repositories: list[DataRepository] = Field(default_factory=list)
    """Links to S3, at most eight."""
    driver_version: Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")] | None = None
    """Version of the EKS add-on `aws-fsx-csi-driver`; null takes the pinned one, or EKS's default where none is."""
    mount_path: Annotated[str, StringConstraints(pattern=r"^(/[a-z0-9._-]+)+$", max_length=255)] = "/models"
    """Where pods see the file system."""
    existing: ExistingFileSystem | None = None
    """Mount this file system instead of making one; what is said above of size and throughput then describes it."""
