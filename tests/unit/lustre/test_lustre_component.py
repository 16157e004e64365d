"""What the file system, its driver and its volume register."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.lustre.component import Lustre, LustreDriver, LustreVolume
from components.aws.lustre.plan import FileSystemPlan, plan_file_system
from components.aws.lustre.settings import LustreSettings
from tests.support import Recording, context, run

FILE_SYSTEM = "aws:fsx/lustreFileSystem:LustreFileSystem"
LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
VOLUME = "kubernetes:core/v1:PersistentVolume"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
EXISTING = {
    "fileSystemId": "fs-0199e5a63bd90f796",
    "dnsName": "fs-0199e5a63bd90f796.fsx.us-east-1.amazonaws.com",
    "mountName": "abcdefgh",
}


def plan(**given: Any) -> FileSystemPlan:
    return plan_file_system(LustreSettings.model_validate({"zone": "use1-az6", **given}))


def recorded(*, protect: bool = False, **given: Any) -> Recording:
    ctx, planned = context(protect=protect), plan(**given)

    def program() -> None:
        lustre = Lustre("weights", ctx, planned, subnet_id="subnet-6", security_group_id="sg-1")
        LustreDriver("lustre-csi", ctx, planned, cluster_name="c", kubernetes_version="1.34")
        LustreVolume(
            "weights-volume",
            ctx,
            planned,
            namespace="inference",
            file_system_id=lustre.file_system_id,
            dns_name=lustre.dns_name,
            mount_name=lustre.mount_name,
        )

    return run(program, region="us-east-1")


def file_system(**given: Any) -> dict[str, Any]:
    return dict(recorded(**given).one(FILE_SYSTEM).inputs)


def test_the_file_system_lies_in_one_subnet_and_the_security_group_that_efa_needs() -> None:
    inputs = file_system()
    assert inputs["subnetIds"] == "subnet-6"
    assert inputs["securityGroupIds"] == ["sg-1"]


def test_efa_brings_its_metadata_configuration() -> None:
    inputs = file_system(storageCapacityGiB=4800, throughputPerTiB=1000, efa=True)
    assert inputs["efaEnabled"] is True
    assert inputs["metadataConfiguration"] == {"mode": "AUTOMATIC"}
    assert inputs["fileSystemTypeVersion"] == "2.15"


def test_without_efa_nothing_is_said_of_it() -> None:
    assert {"efaEnabled", "metadataConfiguration"}.isdisjoint(file_system())


def test_scratch_has_no_throughput_of_its_own() -> None:
    assert "perUnitStorageThroughput" not in file_system(deploymentType="SCRATCH_2")


def test_a_final_backup_is_made_only_where_backups_are_wanted() -> None:
    assert file_system()["skipFinalBackup"] is True
    kept = file_system(backupRetentionDays=7)
    assert (kept["skipFinalBackup"], kept["automaticBackupRetentionDays"]) == (False, 7)


def test_the_weights_are_guarded_in_a_protected_stack() -> None:
    guarded = recorded(protect=True).one(FILE_SYSTEM)
    assert guarded.protect
    assert guarded.retain_on_delete
    assert not recorded().one(FILE_SYSTEM).protect


def test_a_link_to_s3_imports_changes_and_leaves_the_bucket_alone() -> None:
    link = recorded(dataRepositories=[{"s3Uri": "s3://models/r1/", "directory": "/checkpoints/r1"}]).one(LINK)
    assert link.name == "weights-link-checkpoints-r1"
    assert link.inputs["fileSystemPath"] == "/checkpoints/r1"
    assert link.inputs["dataRepositoryPath"] == "s3://models/r1/"
    assert link.inputs["s3"] == {"autoImportPolicy": {"events": ["NEW", "CHANGED", "DELETED"]}}
    assert link.inputs["deleteDataInFilesystem"] is False


def test_an_existing_file_system_is_mounted_and_nothing_is_made() -> None:
    recording = recorded(existing=EXISTING)
    assert recording.of_type(FILE_SYSTEM) == []
    assert recording.one(VOLUME).inputs["spec"]["csi"] == {
        "driver": "fsx.csi.aws.com",
        "volumeHandle": EXISTING["fileSystemId"],
        "volumeAttributes": {"dnsname": EXISTING["dnsName"], "mountname": EXISTING["mountName"]},
    }


def test_the_volume_survives_its_claim_and_is_kept_for_it() -> None:
    spec = recorded().one(VOLUME).inputs["spec"]
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"
    assert spec["mountOptions"] == ["flock"]
    assert spec["storageClassName"] == ""
    assert (spec["claimRef"]["namespace"], spec["claimRef"]["name"]) == ("inference", "weights")


def test_the_claim_binds_by_name_after_the_volume_is_there() -> None:
    recording = recorded()
    claim = recording.one(CLAIM)
    assert claim.inputs["spec"]["volumeName"] == recording.one(VOLUME).inputs["metadata"]["name"]
    assert claim.inputs["spec"]["storageClassName"] == ""
    assert recording.depends(claim, recording.one(VOLUME))


def test_the_claim_does_not_change_when_the_file_system_grows() -> None:
    claims = [recorded(storageCapacityGiB=size).one(CLAIM).inputs["spec"] for size in (1200, 4800)]
    assert claims[0] == claims[1]


def test_the_driver_may_look_at_file_systems_and_nothing_else() -> None:
    policy = json.loads(recorded().one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    assert [statement["Action"] for statement in policy["Statement"]] == [["fsx:DescribeFileSystems"]]


def test_the_driver_starts_after_its_identity_at_the_version_that_is_set() -> None:
    recording = recorded(driverVersion="v1.7.0-eksbuild.1")
    addon = recording.one("aws:eks/addon:Addon")
    assert addon.inputs["addonVersion"] == "v1.7.0-eksbuild.1"
    assert recording.depends(addon, recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation"))


@pytest.mark.parametrize(
    ("given", "throughput"),
    [
        ({"storageCapacityGiB": 1200, "throughputPerTiB": 250}, 293),
        ({"storageCapacityGiB": 4800, "throughputPerTiB": 1000}, 4688),
        ({"storageCapacityGiB": 2400, "deploymentType": "SCRATCH_2"}, 469),
    ],
)
def test_throughput_grows_with_the_size(given: dict[str, Any], throughput: int) -> None:
    assert plan(**given).throughput_mb_per_s == pytest.approx(throughput, abs=1)
