"""The small tables: regions, EKS versions, quotas, durations, replacements."""

from datetime import date

import pytest

from components.facts.durations import DURATIONS, duration
from components.facts.eks_versions import HYPERPOD_VERSIONS, eks_version, known_versions
from components.facts.instances import instances
from components.facts.quotas import quotas_for
from components.facts.regions import hyperpod_instance_types, hyperpod_regions, regions_with
from components.facts.replaces import REPLACES, replaced_by, replacing


def test_hyperpod_has_p5_in_many_regions_and_b200_in_few():
    assert "p5.48xlarge" in hyperpod_instance_types("us-east-1")
    assert set(regions_with("ml.p6-b200.48xlarge")) == {
        "ap-south-1",
        "ap-south-2",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
    assert "eu-central-2" not in regions_with("ml.p5.48xlarge")


def test_regions_list_only_types_of_the_instance_table():
    assert all(hyperpod_instance_types(region) <= set(instances()) for region in hyperpod_regions())


def test_an_unlisted_region_has_nothing():
    assert not hyperpod_instance_types("mars-north-1")


@pytest.mark.parametrize(
    ("day", "support"),
    [(date(2026, 12, 2), "standard"), (date(2026, 12, 3), "extended"), (date(2027, 12, 3), "ended")],
)
def test_support_of_a_version_ends_on_its_dates(day, support):
    assert eks_version("1.34").support_on(day) == support


def test_hyperpod_versions_are_versions_of_eks():
    assert set(HYPERPOD_VERSIONS) <= set(known_versions())


def test_extended_support_follows_standard_by_a_year():
    for name in known_versions():
        row = eks_version(name)
        assert row.extended_support_ends.year == row.standard_support_ends.year + 1


def test_hyperpod_quotas_are_per_type_and_ec2_quotas_per_class():
    quotas = {
        quota.name: quota for quota in quotas_for([("ml.p5.48xlarge", 2), ("ml.p5.48xlarge", 3), ("g6.12xlarge", 2)])
    }
    assert quotas["ml.p5.48xlarge for cluster usage"].needed == 5
    assert quotas["Running On-Demand G and VT instances"].needed == 96
    assert "p5.48xlarge" in quotas["ml.p5.48xlarge for cluster usage"].command


def test_a_quota_with_a_code_is_looked_up_by_it():
    (gateways,) = (quota for quota in quotas_for([], nat_gateways=2) if quota.service == "ec2")
    assert gateways.command.endswith("--quota-code L-0263D0A3")
    assert gateways.needed == 2


def test_an_existing_vpc_takes_no_quota_of_vpcs():
    assert [quota.name for quota in quotas_for([])] == ["VPCs per Region"]
    assert list(quotas_for([], new_vpc=False)) == []


def test_a_hyperpod_cluster_takes_twenty_minutes_unless_it_checks_every_node():
    assert duration("aws-native:sagemaker:Cluster", {"instanceGroups": [{}]}).minutes == 20
    checked = duration(
        "aws-native:sagemaker:Cluster", {"instanceGroups": [{"onStartDeepHealthChecks": ["InstanceStress"]}]}
    )
    assert checked.minutes is None


def test_what_nobody_published_is_unknown():
    assert duration("kubernetes:helm.sh/v3:Release").minutes is None
    assert duration("aws:ec2/natGateway:NatGateway").minutes is None
    assert duration("kubernetes:batch/v1:Job").minutes is None


def test_an_object_that_nothing_waits_for_takes_no_time():
    assert duration("kubernetes:core/v1:ConfigMap").minutes == 0
    assert duration("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet").minutes == 0


def test_every_duration_names_its_source():
    assert all(row.source for row in DURATIONS.values())


def test_a_moved_subnet_replaces_the_hyperpod_cluster_and_a_group_does_not():
    old = {"clusterName": "a", "vpcConfig": {"subnets": ["s1"]}, "instanceGroups": [1]}
    assert replaced_by("aws-native:sagemaker:Cluster", old, old | {"instanceGroups": [1, 2]}) == []
    assert replaced_by("aws-native:sagemaker:Cluster", old, old | {"vpcConfig": {"subnets": ["s2"]}}) == ["vpcConfig"]


def test_a_path_looks_through_a_list_of_one():
    old, new = {"launchTemplate": [{"id": "a", "version": "1"}]}, {"launchTemplate": [{"id": "a", "version": "2"}]}
    assert replaced_by("aws:eks/nodeGroup:NodeGroup", old, new) == []
    assert replaced_by("aws:eks/nodeGroup:NodeGroup", old, {"launchTemplate": [{"id": "b"}]}) == ["launchTemplate.id"]


def test_a_node_count_or_a_throughput_replaces_nothing():
    assert "scalingConfig" not in replacing("aws:eks/nodeGroup:NodeGroup")
    assert "perUnitStorageThroughput" not in replacing("aws:fsx/lustreFileSystem:LustreFileSystem")
    assert "version" not in replacing("aws:eks/cluster:Cluster")


def test_a_renamed_object_is_another_object():
    assert "metadata.name" in replacing("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet")
    assert replacing("kubernetes:helm.sh/v3:Release") == {"name", "namespace"}


def test_paths_have_no_list_indexes():
    assert not any("[" in path for paths in REPLACES.values() for path in paths)


def test_a_quota_s_amount_is_in_its_own_number() -> None:
    few = {quota.name: quota.amount for quota in quotas_for([("ml.p5.48xlarge", 1)], nat_gateways=1)}
    many = {quota.name: quota.amount for quota in quotas_for([("ml.p5.48xlarge", 5)], nat_gateways=2)}
    assert few["VPCs per Region"] == "1 VPC"
    assert (few["EC2-VPC Elastic IPs"], many["EC2-VPC Elastic IPs"]) == ("1 address", "2 addresses")
    assert few["NAT gateways per Availability Zone"] == "1 gateway a zone"
    assert many["ml.p5.48xlarge for cluster usage"] == "5 instances"
