"""The instance table: names, pods, interfaces, and what is left out on purpose."""

import pytest

from components.facts.instances import GPUS, UnknownInstance, find_instance, instance, instances


def test_hyperpod_and_ec2_names_are_the_same_machine():
    assert instance("ml.p5.48xlarge") is instance("p5.48xlarge")


def test_an_unknown_type_names_close_ones_as_the_user_wrote_them():
    with pytest.raises(UnknownInstance, match="did you mean") as error:
        instance("ml.p5.24xlarge")
    assert "ml.p5.48xlarge" in error.value.close


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ml.trn1.32xlarge", "NVIDIA"),
        ("inf2.48xlarge", "NVIDIA"),
        ("ml.p6e-gb200.36xlarge", "arm64"),
        ("g4dn.12xlarge", "T4"),
    ],
)
def test_a_family_left_out_says_why(name, why):
    with pytest.raises(UnknownInstance, match=why):
        instance(name)


def test_finding_an_unknown_type_gives_none():
    assert find_instance("x9.large") is None


@pytest.mark.parametrize(
    ("name", "pods"),
    [("p5.48xlarge", 100), ("g5.xlarge", 58), ("m5.large", 29), ("m7i.4xlarge", 110), ("g6.12xlarge", 234)],
)
def test_eks_max_pods_follow_interfaces_and_addresses(name, pods):
    """eni-max-pods.txt of the EKS AMI; the caps are those of managed node groups."""
    assert instance(name).eks_max_pods == pods


@pytest.mark.parametrize(("name", "pods"), [("ml.g5.xlarge", 14), ("ml.p5.48xlarge", 49), ("ml.m5.4xlarge", 29)])
def test_a_hyperpod_node_has_one_interface_for_pods(name, pods):
    """amazon-vpc-cni-k8s#3753 and #3754."""
    assert instance(name).hyperpod_max_pods == pods


def test_a_hyperpod_p5_takes_81_addresses():
    """awslabs/agent-plugins capacity planning."""
    assert instance("ml.p5.48xlarge").hyperpod_addresses == 81


def test_efa_goes_on_every_card_but_the_first_of_p6_b300():
    assert list(instance("p5en.48xlarge").efa_cards) == list(range(16))
    assert list(instance("p6-b300.48xlarge").efa_cards) == list(range(1, 17))
    assert not instance("g5.xlarge").efa_cards


@pytest.mark.parametrize(
    ("name", "efa"),
    [
        ("p4d.24xlarge", 4),
        ("p5.48xlarge", 32),
        ("p5en.48xlarge", 16),
        ("p6-b200.48xlarge", 8),
        ("g6.12xlarge", 1),
        ("g6e.24xlarge", 2),
        ("g6e.48xlarge", 4),
        ("g6.4xlarge", 0),
    ],
)
def test_efa_interfaces_of_a_whole_node(name, efa):
    """awslabs/awsome-distributed-ai NCCL manifests request these."""
    assert instance(name).efa_interfaces == efa


def test_rdma_write_is_for_big_efa_types_only():
    """aws-ofi-nccl src/platform-aws.cpp."""
    rdma = {row.name for row in instances().values() if row.rdma}
    assert {"p5.48xlarge", "p5e.48xlarge", "p6-b200.48xlarge", "g7e.12xlarge"} <= rdma
    assert not rdma & {"p4d.24xlarge", "p5.4xlarge", "g6e.48xlarge", "g7e.8xlarge"}


def test_every_row_names_its_source_and_every_gpu_is_listed():
    assert all(row.source for row in instances().values())
    assert {row.gpu.name for row in instances().values() if row.gpu} == set(GPUS)


def test_graviton_types_are_arm64():
    assert instance("m7g.large").architecture == "arm64"
    assert instance("m7i.large").architecture == "x86_64"
    assert instance("g6.xlarge").architecture == "x86_64"
