"""Every rule of the file system broken once: where it says so, and what."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.lustre.rules import rules
from components.aws.lustre.settings import LustreSettings
from components.rules import Problem, Severity

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
EXISTING = {
    "fileSystemId": "fs-0199e5a63bd90f796",
    "dnsName": "fs-0199e5a63bd90f796.fsx.us-east-1.amazonaws.com",
    "mountName": "abcdefgh",
}


def problems(**given: Any) -> list[Problem]:
    settings = LustreSettings.model_validate({"zone": "use1-az6", **given})
    return [problem for rule in rules.rules for problem in rule.run("fileSystem", settings)]


def links(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"directory": directory, "s3Uri": uri} for directory, uri in pairs]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"storageCapacityGiB": 4800, "throughputPerTiB": 1000, "efa": True},
        {"storageCapacityGiB": 38400, "throughputPerTiB": 125, "efa": True},
        {"deploymentType": "PERSISTENT_1", "throughputPerTiB": 200, "backupRetentionDays": 7, "kmsKeyArn": KEY},
        {"metadata": {"mode": "USER_PROVISIONED", "iops": 24000}},
        {"dataRepositories": links(("/a", "s3://models/a"), ("/ab", "s3://models/ab"))},
        {"existing": EXISTING, "storageCapacityGiB": 2400},
    ],
)
def test_what_fsx_can_make_breaks_no_rule(given: dict[str, Any]) -> None:
    assert problems(**given) == []


def test_scratch_needs_no_throughput_and_only_warns_of_its_loss() -> None:
    assert [problem.rule for problem in problems(deploymentType="SCRATCH_2")] == ["lustre.scratch"]


@pytest.mark.parametrize(
    ("given", "rule", "path", "message", "fix"),
    [
        (
            {"existing": EXISTING, "compression": "LZ4"},
            "lustre.existing",
            "compression",
            "no effect on the existing fs-0199e5a63bd90f796",
            "leave compression out",
        ),
        (
            {"throughputPerTiB": 200},
            "lustre.throughput",
            "throughputPerTiB",
            "PERSISTENT_2 cannot have 200 MB/s per TiB",
            "125, 250, 500, 1000",
        ),
        (
            {"throughputPerTiB": None},
            "lustre.throughput",
            "throughputPerTiB",
            "PERSISTENT_2 cannot have no throughput",
            "125, 250, 500, 1000",
        ),
        (
            {"deploymentType": "PERSISTENT_1"},
            "lustre.throughput",
            "throughputPerTiB",
            "PERSISTENT_1 cannot have 250 MB/s per TiB",
            "50, 100, 200",
        ),
        (
            {"deploymentType": "SCRATCH_2", "throughputPerTiB": 250},
            "lustre.throughput",
            "throughputPerTiB",
            "SCRATCH_2 has a fixed throughput, 250 is set",
            "leave it out",
        ),
        (
            {"storageCapacityGiB": 3600},
            "lustre.capacity",
            "storageCapacityGiB",
            "3600 GiB is neither 1200 nor a multiple of 2400",
            "4800",
        ),
        (
            {"efa": True, "deploymentType": "PERSISTENT_1", "throughputPerTiB": 200},
            "lustre.efa-type",
            "efa",
            "PERSISTENT_1 has no EFA",
            "PERSISTENT_2",
        ),
        (
            {"efa": True, "storageCapacityGiB": 4800, "throughputPerTiB": 250},
            "lustre.efa-capacity",
            "storageCapacityGiB",
            "with EFA and 250 MB/s per TiB, 4800 GiB is not a multiple of 19200",
            "19200, or throughputPerTiB of 1000 MB/s per TiB",
        ),
        (
            {"deploymentType": "SCRATCH_2", "metadata": {}},
            "lustre.metadata-type",
            "metadata",
            "SCRATCH_2 has no metadata configuration",
            "PERSISTENT_2",
        ),
        (
            {"metadata": {"mode": "USER_PROVISIONED"}},
            "lustre.metadata-iops",
            "metadata.iops",
            "USER_PROVISIONED needs iops",
            "12000",
        ),
        (
            {"metadata": {"mode": "USER_PROVISIONED", "iops": 9000}},
            "lustre.metadata-iops",
            "metadata.iops",
            "9000 IOPS are not on offer",
            "6000",
        ),
        (
            {"metadata": {"iops": 6000}},
            "lustre.metadata-iops",
            "metadata.iops",
            "AUTOMATIC takes no iops",
            "leave iops",
        ),
        (
            {"version": "2.12", "metadata": {}},
            "lustre.version",
            "version",
            "Lustre 2.12 cannot have a metadata configuration",
            '"2.15"',
        ),
        (
            {"deploymentType": "SCRATCH_2", "backupRetentionDays": 7},
            "lustre.backups",
            "backupRetentionDays",
            "SCRATCH_2 file systems have no backups",
            "0",
        ),
        (
            {"backupRetentionDays": 7, "dataRepositories": links(("/", "s3://models"))},
            "lustre.backups",
            "backupRetentionDays",
            "linked to S3 has no backups",
            "0",
        ),
        (
            {"deploymentType": "SCRATCH_2", "kmsKeyArn": KEY},
            "lustre.kms",
            "kmsKeyArn",
            "SCRATCH_2 is encrypted with FSx's own key",
            "leave kmsKeyArn out",
        ),
        (
            {"kmsKeyArn": "arn:aws:s3:::models"},
            "lustre.kms-arn",
            "kmsKeyArn",
            "arn:aws:s3:::models is not the ARN of a KMS key",
            "arn:aws:kms",
        ),
        (
            {"dataRepositories": links(*((f"/{number}", f"s3://models-{number}") for number in range(9)))},
            "lustre.repositories",
            "dataRepositories",
            "9 links",
            "at most 8",
        ),
        (
            {"dataRepositories": links(("/a", "s3://one"), ("/a/b", "s3://two"))},
            "lustre.repositories",
            "dataRepositories[1].directory",
            "/a/b overlaps /a of dataRepositories[0]",
            "beside the others",
        ),
        (
            {"dataRepositories": links(("/a", "s3://models/x"), ("/b", "s3://models"))},
            "lustre.repositories",
            "dataRepositories[1].s3Uri",
            "s3://models overlaps s3://models/x of dataRepositories[0]",
            "beside the others",
        ),
        (
            {"dataRepositories": [{"s3Uri": "s3://models", "autoImport": ["NEW", "NEW"]}]},
            "lustre.repository-events",
            "dataRepositories[0].autoImport",
            "an event is there twice: NEW, NEW",
            "once",
        ),
        (
            {"dataRepositories": [{"s3Uri": "s3://models", "autoExport": ["NEW", "DELETED"]}]},
            "lustre.repository-loop",
            "dataRepositories[0].autoExport",
            "deletes it from s3://models",
            "NEW and CHANGED only",
        ),
        ({"mountPath": "/usr/models"}, "lustre.mount-path", "mountPath", "/usr/models belongs to", "/models"),
        ({"deploymentType": "SCRATCH_2"}, "lustre.scratch", "deploymentType", "not replicated", "PERSISTENT_2"),
    ],
)
def test_a_broken_rule_names_path_fault_and_fix(
    given: dict[str, Any], rule: str, path: str, message: str, fix: str
) -> None:
    found = [problem for problem in problems(**given) if problem.rule == rule]
    assert [problem.path for problem in found] == [f"fileSystem.{path}"]
    assert message in found[0].message
    assert fix in found[0].fix


def test_what_works_but_risks_is_a_warning() -> None:
    warnings = {rule.id for rule in rules.rules if rule.severity is Severity.WARNING}
    assert warnings == {"lustre.scratch", "lustre.repository-loop"}
