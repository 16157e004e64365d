"""What HyperPod registers: chart, scripts, role and cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.hyperpod.component import DependencyChart, HyperPod
from components.aws.hyperpod.scripts import bucket_prefix
from components.aws.hyperpod.settings import HyperPodSettings
from components.aws.identity.policies import wildcards
from components.aws.nodes.plan import PoolPlan, plan_pool
from components.aws.nodes.settings import NodePool
from tests.support import Recorded, Recording, context, run

CLUSTER = "aws-native:sagemaker:Cluster"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
EKS = "arn:aws:eks:us-east-1:123456789012:cluster/sglang-test"
SUBNETS = {"use1-az4": "subnet-4", "use1-az6": "subnet-6"}


def pool(**given: Any) -> PoolPlan:
    settings = {"name": "p5", "instanceType": "ml.p5.48xlarge", "nodes": 5, "zone": "use1-az6", **given}
    return plan_pool(NodePool.model_validate(settings), "hyperpod")


def recorded(
    *pools: PoolPlan, preview: bool = True, protect: bool = False, efa_lustre: bool = False, **given: Any
) -> Recording:
    def program() -> None:
        HyperPod(
            "hyperpod",
            context(protect=protect, team="inference"),
            HyperPodSettings.model_validate(given),
            pools=pools or (pool(),),
            cluster_arn=EKS,
            vpc_id="vpc-1",
            subnets=SUBNETS,
            security_group_ids=["sg-1"],
            efa_lustre=efa_lustre,
        )

    return run(program, preview=preview, region="us-east-1")


def cluster(recording: Recording) -> Recorded:
    return recording.one(CLUSTER)


def groups(*pools: PoolPlan, **given: Any) -> list[dict[str, Any]]:
    return cluster(recorded(*pools, **given)).inputs["instanceGroups"]


def script_objects(recording: Recording) -> dict[str, str]:
    return {resource.inputs["key"]: resource.inputs["content"] for resource in recording.of_type(OBJECT)}


def test_each_pool_is_an_instance_group_in_the_order_of_the_settings() -> None:
    found = groups(pool(name="p5"), pool(name="g6e", instanceType="ml.g6e.12xlarge", nodes=2, zone="use1-az4"))
    assert [(group["instanceGroupName"], group["instanceCount"]) for group in found] == [("p5", 5), ("g6e", 2)]


def test_each_group_is_pinned_to_the_one_subnet_of_its_zone() -> None:
    found = groups(pool(), pool(name="g6e", instanceType="ml.g6e.12xlarge", zone="use1-az4"))
    assert [group["overrideVpcConfig"] for group in found] == [
        {"subnets": ["subnet-6"], "securityGroupIds": ["sg-1"]},
        {"subnets": ["subnet-4"], "securityGroupIds": ["sg-1"]},
    ]


def test_a_group_has_its_disk_threads_label_and_taint() -> None:
    (group,) = groups(pool(labels={"example.com/tier": "gold"}))
    assert group["instanceStorageConfigs"] == [{"ebsVolumeConfig": {"volumeSizeInGb": 500}}]
    assert group["threadsPerCore"] == 2
    assert group["kubernetesConfig"] == {
        "labels": {"example.com/tier": "gold", "sglang-hyperpod/pool": "p5"},
        "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}],
    }


def test_a_plain_group_asks_for_nothing_special() -> None:
    (group,) = groups()
    special = {"capacityRequirements", "trainingPlanArn", "onStartDeepHealthChecks", "minInstanceCount"}
    assert special.isdisjoint(group)


def test_a_training_plan_spot_capacity_checks_and_a_minimum_reach_their_group() -> None:
    plan = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5-winter"
    first, second = groups(
        pool(capacity={"kind": "trainingPlan", "arn": plan}, minNodes=3, deepHealthChecks=["InstanceStress"]),
        pool(name="spot", capacity={"kind": "spot"}),
    )
    assert first["trainingPlanArn"] == plan
    assert first["minInstanceCount"] == 3
    assert first["onStartDeepHealthChecks"] == ["InstanceStress"]
    assert second["capacityRequirements"] == {"spot": {}}


def test_the_cluster_recovers_nodes_provisions_continuously_and_is_tagged_for_sagemaker() -> None:
    inputs = cluster(recorded()).inputs
    assert (inputs["nodeRecovery"], inputs["nodeProvisioningMode"]) == ("Automatic", "Continuous")
    assert {"key": "SageMaker", "value": "true"} in inputs["tags"]
    assert {"key": "team", "value": "inference"} in inputs["tags"]
    assert inputs["clusterName"] == "sglang-test"


def test_legacy_provisioning_is_said_by_leaving_the_mode_out() -> None:
    assert "nodeProvisioningMode" not in cluster(recorded(provisioningMode="Legacy")).inputs


def test_tiered_storage_is_off_unless_asked_for() -> None:
    assert "tieredStorageConfig" not in cluster(recorded()).inputs
    assert cluster(recorded(tieredStorage={"memoryPercent": 30})).inputs["tieredStorageConfig"] == {
        "mode": "Enable",
        "instanceMemoryAllocationPercentage": 30,
    }


def test_the_cluster_waits_twelve_hours_and_its_network_is_frozen() -> None:
    found = cluster(recorded())
    assert set(found.custom_timeouts.values()) == {"12h"}
    assert set(found.custom_timeouts) == {"create", "update", "delete"}
    assert found.ignore_changes == ("vpcConfig",)


def test_cluster_and_scripts_are_guarded_in_a_protected_stack() -> None:
    recording = recorded(protect=True)
    for kept in (recording.one(CLUSTER), recording.one("aws:s3/bucket:Bucket")):
        assert kept.protect
        assert kept.retain_on_delete
    assert not cluster(recorded()).protect


def test_the_cluster_comes_after_its_scripts_and_its_rights() -> None:
    recording = recorded()
    needed = [
        *recording.of_type(OBJECT),
        *recording.of_type("aws:iam/rolePolicy:RolePolicy"),
        *recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"),
    ]
    assert len(needed) == 4
    assert all(recording.depends(cluster(recording), resource) for resource in needed)


@pytest.mark.parametrize(("mode", "hook"), [("OnCreate", "onCreate"), ("OnInitComplete", "onInitComplete")])
def test_a_group_runs_the_script_by_the_hook_of_the_mode(mode: str, hook: str) -> None:
    (group,) = groups(preview=False, lifecycle={"mode": mode})
    assert group["lifeCycleConfig"][hook] == "on_create.sh"
    assert group["lifeCycleConfig"]["sourceS3Uri"].endswith("/lifecycle")


def test_bootstrap_mode_has_neither_scripts_nor_bucket() -> None:
    recording = recorded(preview=False, lifecycle={"mode": "Bootstrap"})
    assert "lifeCycleConfig" not in cluster(recording).inputs["instanceGroups"][0]
    assert recording.of_type("aws:s3/bucket:Bucket") == []
    assert "s3:GetObject" not in recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]


def test_scripts_have_unix_lines_and_know_whether_lustre_has_efa() -> None:
    plain, efa = script_objects(recorded()), script_objects(recorded(efa_lustre=True))
    assert plain["lifecycle/on_create.sh"].startswith("#!/bin/bash\n")
    assert "\r" not in plain["lifecycle/on_create.sh"]
    assert plain["lifecycle/lifecycle.conf"] == "EFA_LUSTRE_CLIENT=false\n"
    assert efa["lifecycle/lifecycle.conf"] == "EFA_LUSTRE_CLIENT=true\n"


def test_the_efa_client_can_be_left_alone() -> None:
    recording = recorded(efa_lustre=True, lifecycle={"efaLustreClient": False})
    assert script_objects(recording)["lifecycle/lifecycle.conf"] == "EFA_LUSTRE_CLIENT=false\n"


def test_the_bucket_is_private_encrypted_versioned_and_spoken_to_by_tls_alone() -> None:
    recording = recorded(preview=False)
    access = recording.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert [access[key] for key in access if key != "bucket"] == [True] * 4
    encryption = recording.one(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    ).inputs
    assert encryption["rules"][0]["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    versioning = recording.one("aws:s3/bucketVersioning:BucketVersioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    (statement,) = json.loads(recording.one("aws:s3/bucketPolicy:BucketPolicy").inputs["policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["sglang-prod", "x" * 40, "a-name-that-is-cut-at-a-hyph-en"])
def test_the_bucket_is_one_that_nodes_may_read_whatever_the_cluster_is_called(name: str) -> None:
    prefix = bucket_prefix(name)
    assert prefix.startswith(f"sagemaker-{name[:20]}")
    assert prefix.endswith("-")
    assert not prefix.endswith("--")
    assert len(prefix) <= 37


def test_the_nodes_role_is_taken_by_sagemaker_and_grants_nothing_too_wide() -> None:
    recording = recorded(preview=False)
    role = recording.one("aws:iam/role:Role").inputs
    trust = json.loads(role["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    policy = recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    assert wildcards(policy) == []
    by_sid = {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}
    assert by_sid["UseSubnets"]["Resource"] == ["arn:aws:ec2:us-east-1:123456789012:subnet/subnet-6"]
    assert by_sid["UseSecurityGroups"]["Resource"] == ["arn:aws:ec2:us-east-1:123456789012:security-group/sg-1"]
    assert by_sid["PodIdentity"]["Resource"] == [EKS]
    assert by_sid["ReadLifecycleScripts"]["Resource"][0].endswith("/*")


def test_the_dependency_chart_does_not_wait_for_nodes_that_come_after_it() -> None:
    recording = run(lambda: DependencyChart("hyperpod-dependencies", context()), region="us-east-1")
    release = recording.one("kubernetes:helm.sh/v3:Release").inputs
    assert release["skipAwait"] is True
    assert (release["name"], release["namespace"]) == ("hyperpod-dependencies", "kube-system")
    assert release["chart"] == "../.charts/hyperpod-011ca927123e/HyperPodHelmChart"
