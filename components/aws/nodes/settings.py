"""Settings of the node pools: what GPU capacity to have and where, and the CPU pool that runs everything else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from components.settings import Arn, DnsLabel, NodeLabels, Settings, Taint, ZoneId

InstanceType = Annotated[str, StringConstraints(pattern=r"^(ml\.)?[a-z][a-z0-9-]*\.[a-z0-9-]+$", max_length=40)]
"""An instance type as its service calls it: `p5.48xlarge` on EC2, `ml.p5.48xlarge` on HyperPod."""

DeepHealthCheck = Literal["InstanceStress", "InstanceConnectivity"]
"""The deep health checks that CloudFormation can order; the API knows a third one (botocore 1.44.5:
MultiNodeTrainingValidation)."""

GPU_TAINT = Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule")
"""The taint that keeps pods without GPUs off GPU nodes; the device plugins tolerate its key by default."""


class CapacityKind(StrEnum):
    """Where the instances come from. Each kind exists on one substrate only, apart from `onDemand` and `spot`."""

    ON_DEMAND = "onDemand"
    SPOT = "spot"
    CAPACITY_RESERVATION = "capacityReservation"
    CAPACITY_BLOCK = "capacityBlock"
    TRAINING_PLAN = "trainingPlan"


class Capacity(Settings):
    """The capacity that a pool draws on."""

    kind: CapacityKind = CapacityKind.ON_DEMAND
    """Kind of capacity."""
    id: Annotated[str, StringConstraints(pattern=r"^cr-[0-9a-f]{8,17}$")] | None = None
    """Id of the capacity reservation or capacity block, e.g. `cr-02168da1478b509e0`."""
    arn: Arn | None = None
    """ARN of the SageMaker training plan; the plan's zone must be the pool's."""
    ends_at: AwareDatetime | None = None
    """When a capacity block or training plan ends; its instances go from 30 minutes before."""


class NodePool(Settings):
    """A pool of identical GPU nodes in one zone: EFA does not cross zones, and the nodes of a group must be close."""

    name: DnsLabel
    """Name of the node group or instance group; frozen once made, since a renamed pool is a new pool."""
    instance_type: InstanceType
    """Instance type as the substrate calls it: with `ml.` on HyperPod, without on EKS."""
    nodes: Annotated[int, Field(ge=0, le=6758)]
    """Number of nodes. 0 keeps the pool and its settings while nothing is paid."""
    zone: ZoneId
    """Zone id of every node, e.g. `use1-az6`; it must be a zone of the network."""
    capacity: Capacity = Capacity()
    """Where the instances come from."""
    labels: NodeLabels = Field(default_factory=dict)
    """Labels that the nodes carry beside those that the stack sets itself."""
    taints: list[Taint] = Field(default_factory=lambda: [GPU_TAINT])
    """Taints; the tolerations of everything that must run here are derived from them."""
    storage_gib: Annotated[int, Field(ge=1, le=16384, alias="storageGiB")] = 500
    """HyperPod: secondary volume at /opt/sagemaker, in GiB, for images and pod scratch; the root disk is 100 GB."""
    root_volume_gib: Annotated[int, Field(ge=50, le=16384, alias="rootVolumeGiB")] = 100
    """EKS: root volume in GiB. Where the type has local NVMe, images and pod scratch live there instead."""
    threads_per_core: Literal[1, 2] = 2
    """HyperPod: 1 turns hyper-threading off and halves the vCPUs."""
    deep_health_checks: list[DeepHealthCheck] = Field(default_factory=list)
    """HyperPod: stress and network tests of a node before it is used, at creation and at each update."""
    min_nodes: Annotated[int, Field(ge=0, le=6758)] | None = None
    """HyperPod: the group counts as created once this many nodes are there; short of it after 3 h it is undone."""
    image_release_version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    """HyperPod: AMI release; a change runs UpdateClusterSoftware, which wipes root disks and does not drain."""
    ami_release_version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+-\d{8}$")] | None = None
    """EKS: AMI release such as `1.34.1-20260801`; without it the release at creation stays until changed here."""


class After(StrEnum):
    """What the GPU nodes wait for."""

    CLUSTER = "cluster"
    WEIGHTS = "weights"


class GpuNodesSettings(Settings):
    """When the GPU nodes come, which is when they begin to cost."""

    after: After = After.CLUSTER
    """`cluster`: as soon as nodes can join, beside the fetching of the weights: the models serve soonest. `weights`:
    once every checkpoint is on the file system: they serve later, and no GPU is paid for while a hub is slow."""


class SystemPoolSettings(Settings):
    """The CPU pool for CoreDNS, controllers, Prometheus and the weights prefetch: an EKS managed node group.

    It is made first, on both substrates: without an untainted CPU node every add-on waits forever (inferred from
    awslabs/ml-container-creator#297, where CoreDNS and others stayed pending for days).
    """

    instance_type: InstanceType = "m7i.2xlarge"
    """EC2 instance type (no `ml.`: this pool is EC2 also beside HyperPod); x86."""
    nodes: Annotated[int, Field(ge=1, le=50)] = 2
    """Number of nodes, spread over the network's zones."""
    labels: NodeLabels = Field(default_factory=dict)
    """Labels that the nodes carry beside those that the stack sets itself."""
    root_volume_gib: Annotated[int, Field(ge=20, le=16384, alias="rootVolumeGiB")] = 100
    """Root volume in GiB: images, logs and pod scratch."""
    ami_release_version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+-\d{8}$")] | None = None
    """AMI release such as `1.34.1-20260801`; without it the release at creation stays until changed here."""


HYPERPOD_ONLY = (
    "storage_gib",
    "threads_per_core",
    "deep_health_checks",
    "min_nodes",
    "image_release_version",
)
"""Fields of `NodePool` that mean nothing on EKS."""

EKS_ONLY = ("root_volume_gib", "ami_release_version")
"""Fields of `NodePool` that mean nothing on HyperPod."""
