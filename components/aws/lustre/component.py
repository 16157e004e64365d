"""FSx for Lustre: the file system with its links to S3, the CSI driver, and the volume that pods mount."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.aws.eks.addons import addon
from components.aws.eks.plan import plan_addon
from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import allow, partition
from components.aws.lustre.plan import FileSystemPlan
from components.aws.lustre.settings import DataRepository, DeploymentType
from components.base import Component, Context

ADDON: Final = "aws-fsx-csi-driver"
DRIVER: Final = "fsx.csi.aws.com"
SERVICE_ACCOUNT: Final = "fsx-csi-controller-sa"
CLAIM: Final = "weights"
"""Name of the claim, and of the cluster's volume behind it."""
CLAIM_SIZE: Final = "1200Gi"
"""What the claim asks for: the smallest file system, so that it never changes when the file system grows; a claim
without a storage class cannot be resized."""


class Lustre(Component):
    """The file system, made in one subnet or adopted. It needs the network only, so it is there before any node."""

    token = "sglang-hyperpod:aws:Lustre"

    file_system_id: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    mount_name: pulumi.Output[str]
    ready: list[pulumi.Resource]
    """The file system and its links: what reads weights from S3 through it must wait for the links."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: FileSystemPlan,
        *,
        subnet_id: pulumi.Input[str],
        security_group_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`security_group_id` must allow all traffic from and to itself: FSx checks that for EFA."""
        super().__init__(name, ctx, opts)
        existing = plan.settings.existing
        if existing:
            self.file_system_id = pulumi.Output.from_input(existing.file_system_id)
            self.dns_name = pulumi.Output.from_input(existing.dns_name)
            self.mount_name = pulumi.Output.from_input(existing.mount_name)
            self.ready = []
        else:
            file_system = self._file_system(plan, subnet_id, security_group_id)
            self.file_system_id = file_system.id
            self.dns_name = file_system.dns_name
            self.mount_name = file_system.mount_name
            links = [self._link(link, file_system) for link in plan.settings.data_repositories]
            self.ready = [file_system, *links]
        self.register_outputs({"fileSystemId": self.file_system_id})

    def _file_system(
        self, plan: FileSystemPlan, subnet_id: pulumi.Input[str], security_group_id: pulumi.Input[str]
    ) -> aws.fsx.LustreFileSystem:
        settings = plan.settings
        scratch = settings.deployment_type is DeploymentType.SCRATCH_2
        return aws.fsx.LustreFileSystem(
            f"{self.name}-file-system",
            subnet_ids=subnet_id,
            security_group_ids=[security_group_id],
            deployment_type=settings.deployment_type.value,
            storage_type="SSD",
            storage_capacity=plan.capacity_gib,
            per_unit_storage_throughput=None if scratch else settings.throughput_per_tib,
            file_system_type_version=plan.version,
            efa_enabled=True if plan.efa else None,
            metadata_configuration=self._metadata(plan),
            data_compression_type=settings.compression,
            automatic_backup_retention_days=settings.backup_retention_days or None,
            skip_final_backup=settings.backup_retention_days == 0,
            kms_key_id=settings.kms_key_arn,
            weekly_maintenance_start_time=settings.weekly_maintenance,
            tags=self.ctx.named("weights"),
            opts=self.stateful(custom_timeouts=pulumi.CustomTimeouts(create="1h", update="6h", delete="1h")),
        )

    @staticmethod
    def _metadata(plan: FileSystemPlan) -> aws.fsx.LustreFileSystemMetadataConfigurationArgs | None:
        if plan.metadata_mode is None:
            return None
        return aws.fsx.LustreFileSystemMetadataConfigurationArgs(mode=plan.metadata_mode, iops=plan.metadata_iops)

    def _link(self, link: DataRepository, file_system: aws.fsx.LustreFileSystem) -> aws.fsx.DataRepositoryAssociation:
        imports, exports = link.auto_import, link.auto_export
        return aws.fsx.DataRepositoryAssociation(
            f"{self.name}-link-{_slug(link.directory)}",
            file_system_id=file_system.id,
            file_system_path=link.directory,
            data_repository_path=link.s3_uri,
            batch_import_meta_data_on_create=link.import_metadata,
            imported_file_chunk_size=link.chunk_size_mib,
            delete_data_in_filesystem=False,
            s3=aws.fsx.DataRepositoryAssociationS3Args(
                auto_import_policy=aws.fsx.DataRepositoryAssociationS3AutoImportPolicyArgs(events=imports)
                if imports
                else None,
                auto_export_policy=aws.fsx.DataRepositoryAssociationS3AutoExportPolicyArgs(events=exports)
                if exports
                else None,
            ),
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )


class LustreDriver(Component):
    """The CSI driver, as an EKS add-on. Volumes are static, so its controller may look at file systems and no more."""

    token = "sglang-hyperpod:aws:LustreDriver"

    ready: list[pulumi.Resource]
    """The add-on: no pod mounts the file system before it."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: FileSystemPlan,
        *,
        cluster_name: pulumi.Input[str],
        kubernetes_version: str,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        file_systems = f"arn:{partition(ctx.region)}:fsx:{ctx.region}:*:file-system/*"
        identity = PodIdentity(
            f"{name}-controller",
            ctx,
            cluster_name=cluster_name,
            namespace="kube-system",
            service_account=SERVICE_ACCOUNT,
            statements=[allow(["fsx:DescribeFileSystems"], [file_systems])],
            opts=self.child(),
        )
        driver = addon(
            self,
            plan_addon(ADDON, plan.settings.driver_version, kubernetes_version),
            cluster_name,
            depends_on=identity.ready,
            logical_name=f"{name}-addon",
        )
        self.ready = [driver]
        self.register_outputs({"addon": driver.arn})


class LustreVolume(Component):
    """A volume and a claim for the file system, bound to each other by name. Deleting them leaves the data alone."""

    token = "sglang-hyperpod:aws:LustreVolume"

    claim_name: str
    ready: list[pulumi.Resource]
    """The claim, bound."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: FileSystemPlan,
        *,
        namespace: str,
        file_system_id: pulumi.Input[str],
        dns_name: pulumi.Input[str],
        mount_name: pulumi.Input[str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self.claim_name = CLAIM
        volume = k8s.core.v1.PersistentVolume(
            f"{name}-volume",
            metadata={"name": CLAIM},
            spec=k8s.core.v1.PersistentVolumeSpecArgs(
                capacity={"storage": f"{plan.capacity_gib}Gi"},
                volume_mode="Filesystem",
                access_modes=["ReadWriteMany"],
                mount_options=["flock"],
                persistent_volume_reclaim_policy="Retain",
                storage_class_name="",
                # Reserved: any claim without a class would fit this volume.
                claim_ref=k8s.core.v1.ObjectReferenceArgs(
                    api_version="v1", kind="PersistentVolumeClaim", namespace=namespace, name=CLAIM
                ),
                csi=k8s.core.v1.CSIPersistentVolumeSourceArgs(
                    driver=DRIVER,
                    volume_handle=file_system_id,
                    volume_attributes={"dnsname": dns_name, "mountname": mount_name},
                ),
            ),
            # The name is fixed: another file system's volume cannot stand beside the old one.
            opts=self.child(delete_before_replace=True),
        )
        claim = k8s.core.v1.PersistentVolumeClaim(
            f"{name}-claim",
            metadata={"name": CLAIM, "namespace": namespace},
            spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteMany"],
                storage_class_name="",
                volume_name=CLAIM,
                resources=k8s.core.v1.VolumeResourceRequirementsArgs(requests={"storage": CLAIM_SIZE}),
            ),
            # Pulumi waits for the claim to be bound, and gives up after five minutes: the volume must be there. A
            # replaced volume stays unbound while its old claim lives, so that the claim is replaced with it.
            opts=self.child_after(volume, delete_before_replace=True, replace_with=[volume]),
        )
        self.ready = [claim]
        self.register_outputs({"claimName": CLAIM})


def _slug(directory: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", directory).strip("-") or "root"
