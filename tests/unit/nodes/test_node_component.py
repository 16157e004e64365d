"""What the system pool and the GPU pools of substrate `eks` register."""

from __future__ import annotations

import base64
import email
from typing import Any

import yaml

from components.aws.nodes.component import EksNodePool, SystemPool
from components.aws.nodes.plan import plan_pool, plan_system_pool
from components.aws.nodes.settings import NodePool, SystemPoolSettings
from tests.support import Recorded, Recording, context, run

GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PLACEMENT = "aws:ec2/placementGroup:PlacementGroup"
RESERVATION = "cr-02168da1478b509e0"


def gpu_pool(**given: Any) -> Recording:
    settings = NodePool.model_validate(
        {"name": "g6", "instanceType": "g6.12xlarge", "nodes": 2, "zone": "use1-az4", **given}
    )
    plan = plan_pool(settings, "eks")

    def program() -> None:
        EksNodePool(
            "g6",
            context(team="inference"),
            plan,
            cluster_name="c",
            cluster_version="1.34",
            subnet_id="subnet-a",
            security_group_ids=["sg-cluster", "sg-node"],
        )

    return run(program, region="us-east-1")


def system_pool() -> Recording:
    def program() -> None:
        SystemPool(
            "system-pool",
            context(),
            plan_system_pool(SystemPoolSettings()),
            cluster_name="c",
            cluster_version="1.34",
            subnet_ids=["subnet-a", "subnet-b"],
            security_group_ids=["sg-cluster", "sg-node"],
        )

    return run(program, region="us-east-1")


def group(recording: Recording) -> Recorded:
    return recording.one(GROUP)


def template(recording: Recording) -> dict[str, Any]:
    return dict(recording.one(TEMPLATE).inputs)


def test_a_gpu_group_lies_in_one_subnet_with_the_planned_nodes_taints_and_label() -> None:
    inputs = group(gpu_pool()).inputs
    assert inputs["subnetIds"] == ["subnet-a"]
    assert inputs["scalingConfig"] == {"desiredSize": 2, "minSize": 2, "maxSize": 2}
    assert inputs["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
    assert inputs["labels"] == {"sglang-hyperpod/pool": "g6"}
    assert inputs["amiType"] == "AL2023_x86_64_NVIDIA"
    assert (inputs["capacityType"], inputs["instanceTypes"]) == ("ON_DEMAND", ["g6.12xlarge"])


def test_a_pool_without_nodes_may_still_grow_to_one_as_eks_demands() -> None:
    assert group(gpu_pool(nodes=0)).inputs["scalingConfig"] == {"desiredSize": 0, "minSize": 0, "maxSize": 1}


def test_a_replaced_gpu_group_gives_up_its_name_and_its_gpus_first() -> None:
    recorded = group(gpu_pool())
    assert recorded.inputs["nodeGroupName"] == "g6"
    assert recorded.delete_before_replace is True
    assert recorded.inputs["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}


def test_every_efa_interface_is_in_all_security_groups_and_dies_with_its_node() -> None:
    interfaces = template(gpu_pool(instanceType="p5.48xlarge"))["networkInterfaces"]
    assert len(interfaces) == 32
    assert {tuple(interface["securityGroups"]) for interface in interfaces} == {("sg-cluster", "sg-node")}
    assert {interface["deleteOnTermination"] for interface in interfaces} == {"true"}
    assert [interface["interfaceType"] for interface in interfaces] == ["efa"] + ["efa-only"] * 31


def test_a_type_without_efa_gets_its_security_groups_on_the_template() -> None:
    inputs = template(gpu_pool(instanceType="g6.2xlarge"))
    assert inputs["vpcSecurityGroupIds"] == ["sg-cluster", "sg-node"]
    assert "networkInterfaces" not in inputs


def test_several_efa_nodes_are_placed_together() -> None:
    recording = gpu_pool()
    assert recording.one(PLACEMENT).inputs["strategy"] == "cluster"
    assert template(recording)["placement"] == {"groupName": "<g6-placement.name>"}


def test_reserved_nodes_come_from_their_reservation_and_are_placed_by_it() -> None:
    recording = gpu_pool(capacity={"kind": "capacityReservation", "id": RESERVATION})
    assert recording.of_type(PLACEMENT) == []
    assert template(recording)["capacityReservationSpecification"] == {
        "capacityReservationTarget": {"capacityReservationId": RESERVATION}
    }
    assert group(recording).inputs["capacityType"] == "ON_DEMAND"


def test_a_capacity_block_is_named_in_the_template_together_with_type_and_market() -> None:
    recording = gpu_pool(instanceType="p5.48xlarge", capacity={"kind": "capacityBlock", "id": RESERVATION})
    assert template(recording)["instanceMarketOptions"] == {"marketType": "capacity-block"}
    assert template(recording)["instanceType"] == "p5.48xlarge"
    assert group(recording).inputs["capacityType"] == "CAPACITY_BLOCK"
    assert "instanceTypes" not in group(recording).inputs


def test_spot_is_a_capacity_type_of_the_group() -> None:
    assert group(gpu_pool(capacity={"kind": "spot"})).inputs["capacityType"] == "SPOT"


def test_local_disks_become_one_that_holds_images_and_pods() -> None:
    mime = base64.b64decode(template(gpu_pool())["userData"]).decode()
    (part,) = [part for part in email.message_from_string(mime).walk() if not part.is_multipart()]
    assert part.get_content_type() == "application/node.eks.aws"
    config = yaml.safe_load(str(part.get_payload()))
    assert config["spec"]["instance"]["localStorage"] == {"strategy": "RAID0"}


def test_pods_cannot_reach_the_node_role_and_disks_are_encrypted() -> None:
    for recording in (gpu_pool(), system_pool()):
        inputs = template(recording)
        assert inputs["metadataOptions"] == {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        }
        assert inputs["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"


def test_a_node_group_waits_for_the_rights_of_its_nodes() -> None:
    for recording in (gpu_pool(), system_pool()):
        for policy in recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
            assert recording.depends(group(recording), policy)


def test_the_system_pool_spreads_over_the_zones_untainted_and_is_replaced_without_a_gap() -> None:
    recorded = group(system_pool())
    assert recorded.inputs["subnetIds"] == ["subnet-a", "subnet-b"]
    assert "taints" not in recorded.inputs
    assert recorded.inputs["nodeGroupNamePrefix"] == "system-"
    assert recorded.delete_before_replace is not True
    assert recorded.inputs["labels"] == {"sglang-hyperpod/pool": "system"}
