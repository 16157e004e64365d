"""What holds data encrypts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.rules import Finding
from infra.policy.check import CheckSet, Found, Level
from infra.policy.checks.exposure import EKS, EKS_COMPONENT
from infra.policy.resource import Resource, Stack
from infra.policy.values import at, items, known, text, true

encryption = CheckSet()

BUCKET: Final = "aws:s3/bucket:Bucket"
_BUCKET_ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


@encryption.check("encryption.node-disks", "aws:ec2/launchTemplate:LaunchTemplate", source="CIS Amazon EKS Benchmark 5")
def node_disks_are_encrypted(resource: Resource) -> Iterator[Finding]:
    """Every disk of a launch template is encrypted; one that is left out is the image's, and not encrypted."""
    disks = resource.props.get("blockDeviceMappings")
    if not known(disks):
        return
    if not items(disks):
        yield Finding("blockDeviceMappings", "the root disk is the image's own, not encrypted", "name it, encrypted")
    for index, disk in enumerate(items(disks)):
        if not true(at(disk, "ebs.encrypted")):
            name = text(at(disk, "deviceName")) or "a disk"
            yield Finding(f"blockDeviceMappings[{index}].ebs.encrypted", f"{name} is not encrypted", "set it to true")


@encryption.check("encryption.secrets", EKS, EKS_COMPONENT, source="CIS Amazon EKS Benchmark 5.3.1")
def kubernetes_secrets_are_encrypted(resource: Resource) -> Iterator[Finding]:
    """A cluster's secrets are encrypted with a KMS key of the stack."""
    path = "encryptionConfig.provider.keyArn" if resource.type == EKS else "encryptionConfigKeyArn"
    if at(resource.props, path) is None:
        yield Finding(path, "Kubernetes secrets are not encrypted with a key of your own", "give the cluster a KMS key")


@encryption.check("encryption.bucket", source="docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html")
def buckets_say_how_they_encrypt(stack: Stack) -> Iterator[Found]:
    """Every bucket has a configuration of its encryption."""
    configured = set()
    for configuration in stack.of_type(_BUCKET_ENCRYPTION):
        rules = configuration.props.get("rules")
        algorithms = [at(rule, "applyServerSideEncryptionByDefault.sseAlgorithm") for rule in items(rules)]
        if not known(rules) or any(algorithms):
            configured |= {bucket.urn for bucket in stack.behind(configuration, "bucket")}
            configured.add(text(configuration.props.get("bucket")))
    for bucket in stack.of_type(BUCKET):
        own = at(bucket.props, "serverSideEncryptionConfiguration")
        if bucket.urn not in configured and text(bucket.props.get("bucket")) not in configured - {None} and own is None:
            yield bucket, Finding("", "no encryption is configured", "add a server-side encryption configuration")


@encryption.check(
    "encryption.storage-class", "kubernetes:storage.k8s.io/v1:StorageClass", source="kubernetes-sigs/aws-ebs-csi-driver"
)
def volumes_are_encrypted(resource: Resource) -> Iterator[Finding]:
    """A storage class of EBS encrypts its volumes; the driver's default is the account's, which is off."""
    if resource.props.get("provisioner") == "ebs.csi.aws.com" and not true(at(resource.props, "parameters.encrypted")):
        yield Finding("parameters.encrypted", "volumes are as the account's default has them", 'set it to "true"')


@encryption.check(
    "encryption.file-system",
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    source="docs.aws.amazon.com/fsx/latest/LustreGuide/encryption-at-rest.html",
    level=Level.ADVISORY,
)
def file_systems_use_kms(resource: Resource) -> Iterator[Finding]:
    """Every Lustre file system is encrypted, a persistent one with a key of KMS, a scratch one with a key of FSx's."""
    kind = resource.props.get("deploymentType")
    if known(kind) and not (text(kind) or "SCRATCH_1").startswith("PERSISTENT"):
        yield Finding(
            "deploymentType", f"{kind or 'SCRATCH_1'}: its key is FSx's own", "use PERSISTENT_2 for weights that matter"
        )
