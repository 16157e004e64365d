"""Rules over the file system: what FSx for Lustre can make. Those over several sections are in `infra.rules.lustre`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from components.aws.lustre.plan import EFA_CAPACITY_STEP
from components.aws.lustre.settings import DeploymentType, LustreSettings
from components.rules import Finding, RuleSet, Severity

rules = RuleSet("fileSystem")

API: Final = "botocore 1.44.5 fsx: CreateFileSystem"
DRA: Final = "botocore 1.44.5 fsx: CreateDataRepositoryAssociation"
GUIDE: Final = "FSx for Lustre user guide"

THROUGHPUTS: Final = {
    DeploymentType.PERSISTENT_1: (50, 100, 200),
    DeploymentType.PERSISTENT_2: (125, 250, 500, 1000),
}
"""MB/s per TiB that an SSD file system can have."""

METADATA_IOPS: Final = (1500, 3000, 6000)
"""Provisioned metadata IOPS below 12000; from there on multiples of 12000."""

SYSTEM_PATHS: Final = tuple(
    f"/{name}"
    for name in ("bin", "dev", "etc", "lib", "lib64", "opt", "proc", "root", "sbin", "sys", "tmp", "usr", "var")
)
"""Folders of an image that a mount would hide."""

MADE_FIELDS: Final = (
    "compression", "version", "backup_retention_days", "kms_key_arn", "metadata", "weekly_maintenance",
    "data_repositories",
)  # fmt: skip
"""Fields that say how to make a file system, and nothing about an existing one."""


@rules.rule("lustre.existing", source="an existing file system is mounted, never changed")
def existing_file_system_is_left_alone(fs: LustreSettings) -> Iterator[Finding]:
    """Nothing of an existing file system is set from here."""
    if fs.existing is None:
        return
    for field in MADE_FIELDS:
        if field in fs.model_fields_set:
            name = LustreSettings.model_fields[field].alias or field
            yield Finding(
                name, f"{name} has no effect on the existing {fs.existing.file_system_id}", f"leave {name} out"
            )


@rules.rule("lustre.throughput", source=f"{API}: PerUnitStorageThroughput")
def throughput_is_one_of_the_steps(fs: LustreSettings) -> Iterator[Finding]:
    """Each deployment type has its own throughputs; scratch has none to choose."""
    steps = THROUGHPUTS.get(fs.deployment_type)
    chosen = fs.throughput_per_tib
    if steps is None:
        if chosen is not None and "throughput_per_tib" in fs.model_fields_set:
            yield Finding(
                "throughputPerTiB", f"{fs.deployment_type} has a fixed throughput, {chosen} is set", "leave it out"
            )
    elif chosen not in steps:
        said = "no throughput" if chosen is None else f"{chosen} MB/s per TiB"
        yield Finding(
            "throughputPerTiB", f"{fs.deployment_type} cannot have {said}", f"one of {', '.join(map(str, steps))}"
        )


@rules.rule("lustre.capacity", source=f"{API}: StorageCapacity")
def capacity_is_one_of_the_steps(fs: LustreSettings) -> Iterator[Finding]:
    """1200, 2400, or a multiple of 2400 GiB."""
    size = fs.storage_capacity_gib
    if size != 1200 and size % 2400:
        yield Finding(
            "storageCapacityGiB",
            f"{size} GiB is neither 1200 nor a multiple of 2400",
            f"e.g. {size // 2400 * 2400 + 2400}",
        )


@rules.rule("lustre.efa-type", source="pulumi-aws fsx.LustreFileSystem: efaEnabled")
def efa_is_persistent_2(fs: LustreSettings) -> Iterator[Finding]:
    """Only `PERSISTENT_2` file systems can be reached over EFA."""
    if fs.efa and fs.deployment_type is not DeploymentType.PERSISTENT_2:
        yield Finding("efa", f"{fs.deployment_type} has no EFA", "set deploymentType: PERSISTENT_2, or efa: false")


@rules.rule("lustre.efa-capacity", source=f'{GUIDE}, "Increase storage capacity"')
def efa_capacity_is_a_multiple(fs: LustreSettings) -> Iterator[Finding]:
    """The less throughput per TiB, the larger the steps of an EFA-enabled file system."""
    step = EFA_CAPACITY_STEP.get(fs.throughput_per_tib or 0)
    size = fs.storage_capacity_gib
    if fs.efa and step and size % step:
        fits = [f"{throughput} MB/s per TiB" for throughput, least in EFA_CAPACITY_STEP.items() if size % least == 0]
        other = f", or throughputPerTiB of {' or '.join(fits)}" if fits else ""
        yield Finding(
            "storageCapacityGiB",
            f"with EFA and {fs.throughput_per_tib} MB/s per TiB, {size} GiB is not a multiple of {step}",
            f"use {size // step * step + step}{other}",
        )


@rules.rule("lustre.metadata-type", source=f"{API}: MetadataConfiguration")
def metadata_is_persistent_2(fs: LustreSettings) -> Iterator[Finding]:
    """Metadata performance belongs to `PERSISTENT_2`."""
    if fs.metadata and fs.deployment_type is not DeploymentType.PERSISTENT_2:
        yield Finding(
            "metadata", f"{fs.deployment_type} has no metadata configuration", "leave it out, or use PERSISTENT_2"
        )


@rules.rule("lustre.metadata-iops", source=f"{API}: MetadataConfiguration.Iops")
def metadata_iops_are_one_of_the_steps(fs: LustreSettings) -> Iterator[Finding]:
    """Provisioned metadata has IOPS in steps, automatic metadata none."""
    if fs.metadata is None:
        return
    provisioned, iops = fs.metadata.mode == "USER_PROVISIONED", fs.metadata.iops
    if iops is None:
        if provisioned:
            yield Finding("metadata.iops", "USER_PROVISIONED needs iops", "1500, 3000, 6000 or a multiple of 12000")
    elif not provisioned:
        yield Finding("metadata.iops", "AUTOMATIC takes no iops", "leave iops out, or set mode: USER_PROVISIONED")
    elif iops not in METADATA_IOPS and iops % 12000:
        yield Finding("metadata.iops", f"{iops} IOPS are not on offer", "1500, 3000, 6000 or a multiple of 12000")


@rules.rule("lustre.version", source=f"{API}: FileSystemTypeVersion")
def metadata_needs_lustre_2_15(fs: LustreSettings) -> Iterator[Finding]:
    """A metadata configuration, which EFA brings with it, needs Lustre 2.15."""
    if fs.version != "2.15" and (fs.metadata or fs.efa):
        what = "EFA" if fs.efa else "a metadata configuration"
        yield Finding("version", f"Lustre {fs.version} cannot have {what}", 'set version: "2.15"')


@rules.rule("lustre.backups", source=f'{GUIDE}, "Working with backups"')
def backups_are_possible(fs: LustreSettings) -> Iterator[Finding]:
    """Scratch file systems and those linked to S3 have no backups."""
    if not fs.backup_retention_days:
        return
    if fs.deployment_type is DeploymentType.SCRATCH_2:
        yield Finding("backupRetentionDays", "SCRATCH_2 file systems have no backups", "set backupRetentionDays: 0")
    if fs.data_repositories:
        yield Finding(
            "backupRetentionDays",
            "a file system that is linked to S3 has no backups: S3 holds the data",
            "set backupRetentionDays: 0",
        )


@rules.rule("lustre.kms", source=f"{API}: KmsKeyId")
def own_key_is_for_persistent_types(fs: LustreSettings) -> Iterator[Finding]:
    """Scratch file systems are encrypted with FSx's key only."""
    if fs.kms_key_arn and fs.deployment_type is DeploymentType.SCRATCH_2:
        yield Finding("kmsKeyArn", "SCRATCH_2 is encrypted with FSx's own key", "leave kmsKeyArn out")


@rules.rule("lustre.kms-arn", source="AWS service authorization reference: KMS resource types")
def own_key_is_a_key(fs: LustreSettings) -> Iterator[Finding]:
    """The ARN is that of a KMS key."""
    if fs.kms_key_arn and ":kms:" not in fs.kms_key_arn:
        yield Finding(
            "kmsKeyArn", f"{fs.kms_key_arn} is not the ARN of a KMS key", "e.g. arn:aws:kms:REGION:ACCOUNT:key/ID"
        )


@rules.rule("lustre.repositories", source=f"{DRA}: at most 8, no overlap")
def data_repositories_do_not_overlap(fs: LustreSettings) -> Iterator[Finding]:
    """At most eight links, each with directory and prefix of its own; one at the root is the only one."""
    links = fs.data_repositories
    if len(links) > 8:
        yield Finding("dataRepositories", f"{len(links)} links", "at most 8 for one file system")
    for (one, first), (other, second) in combinations(enumerate(links), 2):
        if _overlap(first.directory, second.directory):
            yield Finding(
                f"dataRepositories[{other}].directory",
                f"{second.directory} overlaps {first.directory} of dataRepositories[{one}]",
                "give each link a directory beside the others",
            )
        if _overlap(first.s3_uri, second.s3_uri):
            yield Finding(
                f"dataRepositories[{other}].s3Uri",
                f"{second.s3_uri} overlaps {first.s3_uri} of dataRepositories[{one}]",
                "give each link a prefix beside the others",
            )


@rules.rule("lustre.repository-events", source=f"{DRA}: S3.AutoImportPolicy, AutoExportPolicy")
def events_are_listed_once(fs: LustreSettings) -> Iterator[Finding]:
    """NEW, CHANGED and DELETED, each at most once."""
    for at, link in enumerate(fs.data_repositories):
        for field, events in (("autoImport", link.auto_import), ("autoExport", link.auto_export)):
            if len(set(events)) < len(events):
                listed = ", ".join(events)
                yield Finding(f"dataRepositories[{at}].{field}", f"an event is there twice: {listed}", "list each once")


@rules.rule("lustre.repository-loop", source=f'{GUIDE}, "Automatically export updates"', severity=Severity.WARNING)
def export_deletes_nothing_unasked(fs: LustreSettings) -> Iterator[Finding]:
    """With DELETED exported, a file removed on a node is removed from S3."""
    for at, link in enumerate(fs.data_repositories):
        if "DELETED" in link.auto_export:
            yield Finding(
                f"dataRepositories[{at}].autoExport",
                f"deleting a file on the file system deletes it from {link.s3_uri}",
                "export NEW and CHANGED only, or nothing",
            )


@rules.rule("lustre.mount-path", source="the mount hides what the image has there")
def mount_hides_nothing(fs: LustreSettings) -> Iterator[Finding]:
    """The mount path is no folder of the system."""
    if any(fs.mount_path == path or fs.mount_path.startswith(f"{path}/") for path in SYSTEM_PATHS):
        yield Finding("mountPath", f"{fs.mount_path} belongs to the image's system", "e.g. /models")


@rules.rule("lustre.scratch", source=f'{GUIDE}, "Deployment and storage class options"', severity=Severity.WARNING)
def scratch_loses_data(fs: LustreSettings) -> Iterator[Finding]:
    """Scratch file systems lose files with a failed server."""
    if fs.deployment_type is DeploymentType.SCRATCH_2 and fs.existing is None:
        yield Finding(
            "deploymentType",
            "SCRATCH_2 is not replicated: a failed file server takes weights with it, and nobody can load",
            "use PERSISTENT_2",
        )


def _overlap(one: str, other: str) -> bool:
    first, second = _folders(one), _folders(other)
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def _folders(path: str) -> Sequence[str]:
    return [part for part in path.split("/") if part]
