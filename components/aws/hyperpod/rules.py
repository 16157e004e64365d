"""Rules over the HyperPod section. What also needs other sections is in `infra.rules.hyperpod`."""

from __future__ import annotations

from collections.abc import Iterator

from components.aws.hyperpod.settings import HyperPodSettings, LifecycleMode
from components.rules import Finding, RuleSet, Severity

rules = RuleSet("hyperpod")


@rules.rule("hyperpod.bucket", source="AmazonSageMakerClusterInstanceRolePolicy v1: s3 on sagemaker-*")
def lifecycle_bucket_can_be_read(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """Nodes fetch their scripts from buckets called `sagemaker-*` only."""
    name = hyperpod.lifecycle.bucket_name
    if name and not name.startswith("sagemaker-"):
        yield Finding(
            "lifecycle.bucketName",
            f"{name} does not begin with sagemaker-, and SageMaker reads scripts from no other bucket",
            f"e.g. sagemaker-{name}",
        )


@rules.rule("hyperpod.bucket-unused", source="CloudFormation schema of AWS::SageMaker::Cluster: LifeCycleConfig")
def lifecycle_bucket_is_used(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """Bootstrap mode has no scripts, so no bucket."""
    if hyperpod.lifecycle.bucket_name and hyperpod.lifecycle.mode is LifecycleMode.BOOTSTRAP:
        yield Finding(
            "lifecycle.bucketName", "mode Bootstrap runs no script, so there is no bucket to name", "leave it out"
        )


@rules.rule(
    "hyperpod.bootstrap",
    source="awslabs/awsome-distributed-ai base-config/on_create_main.sh",
    severity=Severity.WARNING,
)
def nodes_move_images_off_the_root_disk(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """Without a script, images fill the 100 GB root disk."""
    if hyperpod.lifecycle.mode is LifecycleMode.BOOTSTRAP:
        yield Finding(
            "lifecycle.mode",
            "mode Bootstrap leaves images and pods on the 100 GB root disk, which two engine images fill",
            "set mode: OnCreate, or OnInitComplete",
        )


@rules.rule("hyperpod.auto-patch", source="CloudFormation schema of AWS::SageMaker::Cluster: PatchingStrategy")
def patches_are_ordered_by_hand(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """Automatic patches wait for idle nodes, and serving nodes never are."""
    if hyperpod.auto_patch:
        yield Finding(
            "autoPatch",
            "CloudFormation patches idle nodes only (WhenIdle, WhenAllIdle), and nodes that serve are never idle",
            "leave autoPatch out; drain, then set imageReleaseVersion of one pool after the other",
        )


@rules.rule("hyperpod.restricted-groups", source="awslabs/awsome-distributed-ai hyperpod-eks-tf/main.tf: rig_mode")
def groups_are_not_restricted(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """Restricted instance groups are for customising Nova models."""
    if hyperpod.restricted_instance_groups:
        yield Finding(
            "restrictedInstanceGroups",
            "restricted groups allow no lifecycle scripts, no continuous provisioning and no inference",
            "leave restrictedInstanceGroups out",
        )


@rules.rule(
    "hyperpod.recovery",
    source="awslabs/awsome-distributed-ai hyperpod-mental-model.md: None",
    severity=Severity.WARNING,
)
def faulty_nodes_are_replaced(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """A faulty node that is only labelled keeps its rank, and its group, down."""
    if hyperpod.node_recovery == "None":
        yield Finding(
            "nodeRecovery",
            "None only labels a faulty node: its serving group stays down until somebody acts",
            "set nodeRecovery: Automatic",
        )


@rules.rule(
    "hyperpod.provisioning", source="botocore 1.44.5 sagemaker: NodeProvisioningMode", severity=Severity.WARNING
)
def nodes_are_provisioned_one_by_one(hyperpod: HyperPodSettings) -> Iterator[Finding]:
    """Without continuous provisioning one missing node undoes all of them."""
    if hyperpod.provisioning_mode == "Legacy":
        yield Finding(
            "provisioningMode",
            "Legacy makes all nodes of a change or none, without retries or events",
            "set provisioningMode: Continuous",
        )
