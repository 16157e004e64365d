"""How an EKS node starts: its disks, network interfaces, capacity and first-boot configuration, as plain arguments."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.nodes.plan import NVME_PATH, PoolPlan
from components.aws.nodes.settings import CapacityKind

_BOUNDARY = "sglang-hyperpod"

NODE_CONFIG = """\
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0
"""
"""nodeadm's configuration: all local NVMe as one RAID 0, with containerd, kubelet and pod logs on it."""


def user_data(pool: PoolPlan) -> str | None:
    """First-boot configuration (base64 MIME) of a node with local NVMe, else None; EKS adds how to join the cluster."""
    if pool.nvme_path != NVME_PATH["eks"]:
        return None
    lines = [
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"',
        "",
        f"--{_BOUNDARY}",
        "Content-Type: application/node.eks.aws",
        "",
        NODE_CONFIG,
        f"--{_BOUNDARY}--",
        "",
    ]
    return base64.b64encode("\n".join(lines).encode()).decode()


def base_template(
    tags: Mapping[str, str], root_volume_gib: int, *, tagged: Sequence[str] = ("instance", "volume")
) -> dict[str, Any]:
    """What every launch template has: IMDSv2 that pods cannot reach, an encrypted gp3 root volume, and tags.

    A hop limit of 1 keeps pods off the node's role: what needs AWS has a pod identity.
    """
    return {
        "update_default_version": True,
        "metadata_options": aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
        ),
        "block_device_mappings": [
            aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name="/dev/xvda",
                ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_size=root_volume_gib, volume_type="gp3", encrypted="true", delete_on_termination="true"
                ),
            )
        ],
        "tag_specifications": [
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=dict(tags)) for kind in tagged
        ],
        "tags": dict(tags),
    }


def network(pool: PoolPlan, security_group_ids: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """Security groups of a node, on each of its interfaces where there is EFA: EKS adds none to a template with any."""
    if not pool.efa_per_node:
        return {"vpc_security_group_ids": list(security_group_ids)}
    return {
        "network_interfaces": [
            aws.ec2.LaunchTemplateNetworkInterfaceArgs(
                network_card_index=interface.card,
                device_index=interface.device,
                interface_type=None if interface.kind == "interface" else interface.kind,
                security_groups=list(security_group_ids),
                delete_on_termination="true",
            )
            for interface in pool.interfaces
        ]
    }


def capacity(pool: PoolPlan) -> dict[str, Any]:
    """The reservation or capacity block that the instances come from; a block's template also names the type.

    EKS user guide, "Create a managed node group with Capacity Blocks for ML".
    """
    if pool.capacity.id is None:
        return {}
    target = aws.ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
        capacity_reservation_id=pool.capacity.id
    )
    arguments: dict[str, Any] = {
        "capacity_reservation_specification": aws.ec2.LaunchTemplateCapacityReservationSpecificationArgs(
            capacity_reservation_target=target
        )
    }
    if pool.capacity.kind is CapacityKind.CAPACITY_BLOCK:
        arguments["instance_market_options"] = aws.ec2.LaunchTemplateInstanceMarketOptionsArgs(
            market_type="capacity-block"
        )
        arguments["instance_type"] = pool.instance_type
    return arguments
