"""The file system that the program registers is one that CloudFormation takes, and so is every link to S3."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.lustre.component import Lustre
from components.aws.lustre.plan import plan_file_system
from components.aws.lustre.settings import LustreSettings
from tests.contract.cloudformation import as_cloudformation, extension, faults, schema
from tests.support import Recording, context, run

FILE_SYSTEM = schema("AWS::FSx::FileSystem")
LINK = schema("AWS::FSx::DataRepositoryAssociation")
TOP = {
    "storageCapacity": "StorageCapacity",
    "storageType": "StorageType",
    "fileSystemTypeVersion": "FileSystemTypeVersion",
    "securityGroupIds": "SecurityGroupIds",
    "kmsKeyId": "KmsKeyId",
}
"""What CloudFormation has beside its Lustre configuration, by the provider's names."""

ONLY_PROVIDER = {"skipFinalBackup", "subnetIds", "tags"}


def recorded(**given: Any) -> Recording:
    plan = plan_file_system(LustreSettings.model_validate({"zone": "use1-az6", **given}))
    return run(
        lambda: Lustre("weights", context(), plan, subnet_id="subnet-6", security_group_id="sg-1"),
        preview=False,
        region="us-east-1",
    )


def file_system(**given: Any) -> dict[str, Any]:
    """The recorded inputs as a template would have them."""
    inputs = dict(recorded(**given).one("aws:fsx/lustreFileSystem:LustreFileSystem").inputs)
    lustre = {key: value for key, value in inputs.items() if key not in TOP and key not in ONLY_PROVIDER}
    configuration = FILE_SYSTEM["definitions"]["LustreConfiguration"]
    return {
        "FileSystemType": "LUSTRE",
        "SubnetIds": [inputs["subnetIds"]],
        "LustreConfiguration": as_cloudformation(lustre, configuration, FILE_SYSTEM),
        **{name: inputs[key] for key, name in TOP.items() if key in inputs},
    }


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"storageCapacityGiB": 4800, "throughputPerTiB": 1000, "efa": True},
        {"metadata": {"mode": "USER_PROVISIONED", "iops": 12000}},
        {"deploymentType": "PERSISTENT_1", "throughputPerTiB": 100, "backupRetentionDays": 7},
        {"deploymentType": "SCRATCH_2", "throughputPerTiB": None, "compression": "NONE"},
        {"weeklyMaintenance": "7:03:30", "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd"},
    ],
)
def test_the_file_system_is_valid(given: dict[str, Any]) -> None:
    made = file_system(**given)
    assert faults(made, FILE_SYSTEM) == []
    assert faults(made, extension("aws_fsx_filesystem/storage_capacity.json")) == []


def test_the_check_would_see_a_misspelt_property() -> None:
    made = file_system()
    made["LustreConfiguration"]["EfaEnable"] = True
    assert any("EfaEnable" in fault for fault in faults(made, FILE_SYSTEM))


def test_a_link_to_s3_is_valid() -> None:
    links = [{"s3Uri": "s3://models/r1/", "directory": "/checkpoints/r1", "autoExport": ["NEW"]}]
    inputs = dict(
        recorded(dataRepositories=links).one("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation").inputs
    )
    # Cloud-made in the recording; and CloudFormation has no word for what to do with the data at deletion.
    del inputs["deleteDataInFilesystem"], inputs["tags"]
    inputs["fileSystemId"] = "fs-0199e5a63bd90f796"
    assert faults(as_cloudformation(inputs, LINK), LINK) == []


def test_the_smallest_file_system_is_as_small_as_fsx_makes_one() -> None:
    rules = extension("aws_fsx_filesystem/storage_capacity.json")["allOf"]
    (lustre,) = [rule for rule in rules if rule["if"]["properties"]["FileSystemType"]["enum"] == ["LUSTRE"]]
    least = lustre["then"]["properties"]["StorageCapacity"]["minimum"]
    assert file_system()["StorageCapacity"] == least
