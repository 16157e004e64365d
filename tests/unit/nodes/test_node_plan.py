"""What pools come to on each substrate."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.nodes.plan import PoolPlan, Substrate, plan_pool, plan_system_pool
from components.aws.nodes.settings import NodePool, SystemPoolSettings


def planned(instance_type: str, substrate: Substrate, **given: Any) -> PoolPlan:
    pool = {"name": "gpu", "instanceType": instance_type, "nodes": 5, "zone": "use1-az6", **given}
    return plan_pool(NodePool.model_validate(pool), substrate)


def test_a_p5_pool_on_hyperpod_has_its_gpus_its_efa_and_one_interface_for_pods() -> None:
    plan = planned("ml.p5.48xlarge", "hyperpod")
    assert (plan.gpus, plan.gpus_per_node, plan.efa_per_node) == (40, 8, 32)
    assert (plan.max_pods, plan.ips_per_node) == (49, 81)
    assert plan.nvme_path == "/opt/dlami/nvme"


def test_a_hyperpod_node_carries_the_labels_that_pods_ask_for() -> None:
    plan = planned("ml.p5.48xlarge", "hyperpod", labels={"example.com/tier": "gold"})
    assert plan.node_selector == {
        "sagemaker.amazonaws.com/instance-group-name": "gpu",
        "sagemaker.amazonaws.com/node-health-status": "Schedulable",
    }
    assert plan.node_selector.items() <= plan.labels.items()
    assert plan.labels["example.com/tier"] == "gold"
    assert plan.labels["node.kubernetes.io/instance-type"] == "ml.p5.48xlarge"


def test_an_eks_node_carries_the_labels_that_pods_ask_for() -> None:
    plan = planned("g6.12xlarge", "eks")
    assert plan.node_selector == {"sglang-hyperpod/pool": "gpu"}
    assert plan.node_selector.items() <= plan.labels.items()
    assert plan.labels["eks.amazonaws.com/nodegroup"] == "gpu"
    assert plan.nvme_path == "/mnt/k8s-disks/0"


def test_tolerations_answer_the_taints_of_the_pool() -> None:
    plan = planned("g6.12xlarge", "eks", taints=[{"key": "example.com/team", "value": "ml", "effect": "NoExecute"}])
    assert plan.tolerations == [
        {"key": "example.com/team", "operator": "Equal", "value": "ml", "effect": "NoExecute"},
    ]


def test_gpu_pools_are_tainted_unless_said_otherwise() -> None:
    assert planned("g6.12xlarge", "eks").tolerations == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    ]


def test_a_pool_without_a_local_disk_has_no_nvme_path() -> None:
    assert plan_system_pool(SystemPoolSettings()).instance.nvme_gb == 0
    assert planned("m7i.4xlarge", "eks").nvme_path is None


def test_one_thread_a_core_leaves_half_the_vcpus() -> None:
    assert planned("ml.p5.48xlarge", "hyperpod").vcpus_per_node == 192
    assert planned("ml.p5.48xlarge", "hyperpod", threadsPerCore=1).vcpus_per_node == 96


def test_an_eks_p5_node_has_an_efa_interface_on_each_of_its_32_cards_and_one_address() -> None:
    interfaces = planned("p5.48xlarge", "eks").interfaces
    assert [interface.card for interface in interfaces] == list(range(32))
    assert (interfaces[0].device, interfaces[0].kind) == (0, "efa")
    assert {(interface.device, interface.kind) for interface in interfaces[1:]} == {(1, "efa-only")}


def test_the_first_card_of_a_p6_b300_carries_no_efa() -> None:
    interfaces = planned("p6-b300.48xlarge", "eks").interfaces
    assert (interfaces[0].card, interfaces[0].kind) == (0, "interface")
    assert [interface.kind for interface in interfaces[1:]] == ["efa-only"] * 16


def test_a_type_without_efa_has_one_plain_interface() -> None:
    assert [interface.kind for interface in planned("g6.2xlarge", "eks").interfaces] == ["interface"]


@pytest.mark.parametrize(
    ("instance_type", "substrate", "given", "wanted"),
    [
        ("g6.12xlarge", "eks", {}, True),
        ("g6.12xlarge", "eks", {"nodes": 1}, False),
        ("g6.2xlarge", "eks", {}, False),
        ("ml.p5.48xlarge", "hyperpod", {}, False),
        ("p5.48xlarge", "eks", {"capacity": {"kind": "capacityReservation", "id": "cr-02168da1478b509e0"}}, False),
        ("p5.48xlarge", "eks", {"capacity": {"kind": "capacityBlock", "id": "cr-02168da1478b509e0"}}, False),
    ],
)
def test_a_placement_group_is_for_several_efa_nodes_of_free_capacity(
    instance_type: str, substrate: Substrate, given: dict[str, Any], wanted: bool
) -> None:
    assert planned(instance_type, substrate, **given).placement_group is wanted


def test_the_health_agent_and_the_toolkit_take_pods_on_hyperpod_only() -> None:
    hyperpod, eks = planned("ml.g6e.12xlarge", "hyperpod").pods, planned("g6e.12xlarge", "eks").pods
    extra = {daemon.name for daemon in hyperpod.daemons} - {daemon.name for daemon in eks.daemons}
    assert extra == {"health-monitoring-agent", "nvidia-container-toolkit"}
    assert hyperpod.free == 29 - len(hyperpod.daemons)


def test_an_eks_node_takes_whole_interfaces_of_addresses_and_one_kept_warm() -> None:
    assert planned("g6.12xlarge", "eks").ips_per_node == 60


def test_the_system_pool_is_known_by_the_pool_label() -> None:
    plan = plan_system_pool(SystemPoolSettings(instance_type="m7i.4xlarge", nodes=3))
    assert plan.node_selector == {"sglang-hyperpod/pool": "system"}
    assert plan.node_selector.items() <= plan.labels.items()
    assert plan.max_pods == 110
