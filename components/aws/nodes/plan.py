"""What a node pool comes to: nodes, GPUs, EFA interfaces, labels, tolerations, and the pods and addresses of a node."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from components.aws.nodes.settings import Capacity, CapacityKind, NodePool, SystemPoolSettings
from components.facts.instances import Instance, instance
from components.settings import Taint

Substrate = Literal["eks", "hyperpod"]

POOL_LABEL: Final = "sglang-hyperpod/pool"
"""Our own label, on every node of every pool: pool name, or `system`."""
SYSTEM_POOL: Final = "system"
"""The system pool's name and the value of its pool label."""
NODEGROUP_LABEL: Final = "eks.amazonaws.com/nodegroup"
INSTANCE_GROUP_LABEL: Final = "sagemaker.amazonaws.com/instance-group-name"
HEALTH_LABEL: Final = "sagemaker.amazonaws.com/node-health-status"
COMPUTE_TYPE_LABEL: Final = "sagemaker.amazonaws.com/compute-type"

NVME_PATH: Final = {"eks": "/mnt/k8s-disks/0", "hyperpod": "/opt/dlami/nvme"}
"""Where a node's local NVMe is mounted: nodeadm's RAID 0 on EKS, the deep learning AMI's path on HyperPod."""

HUGE_PAGES_2MI: Final = 5128
"""2 MiB pages that the EFA driver reserves at boot on an EFA node (EKS user guide, "Run machine learning training")."""


@dataclass(frozen=True, slots=True)
class DaemonPod:
    """A pod that every node of a kind runs. One with the host's network takes a pod slot but no address; one `for_efa`
    runs on nodes with EFA only.
    """

    name: str
    host_network: bool
    for_efa: bool = False


_EVERYWHERE: Final = (
    DaemonPod("aws-node", True),
    DaemonPod("kube-proxy", True),
    DaemonPod("eks-pod-identity-agent", True),
    DaemonPod("ebs-csi-node", False),
    DaemonPod("fsx-csi-node", False),
    DaemonPod("node-exporter", True),
)
_GPU: Final = (
    DaemonPod("node-feature-discovery-worker", False),
    DaemonPod("nvidia-device-plugin", False),
    DaemonPod("gpu-feature-discovery", False),
    DaemonPod("nvidia-dcgm-exporter", False),
    DaemonPod("nvidia-operator-validator", False),
    DaemonPod("nvidia-mig-manager", False),
)
_EFA: Final = (DaemonPod("aws-efa-k8s-device-plugin", True),)
_HYPERPOD_GPU: Final = (DaemonPod("health-monitoring-agent", False), DaemonPod("nvidia-container-toolkit", False))

SYSTEM_PODS: Final = {
    "coredns": 2,
    "metrics-server": 2,
    "ebs-csi-controller": 2,
    "fsx-csi-controller": 2,
    "aws-load-balancer-controller": 2,
    "keda": 3,
    "lws-controller-manager": 2,
    "gpu-operator": 1,
    "node-feature-discovery": 2,
    "prometheus-operator": 1,
    "prometheus": 1,
    "alertmanager": 1,
    "kube-state-metrics": 1,
    "grafana": 1,
    "loki": 1,
    "tempo": 1,
    "opentelemetry-collector": 1,
    "weights prefetch": 1,
}
"""Pods that the system pool runs beside its daemons, with everything switched on (replicas of the charts' values)."""


@dataclass(frozen=True, slots=True)
class PodBudget:
    """How many pods a node may run, and what its daemons take of it. `free` is what is left for the workload."""

    max_pods: int
    daemons: tuple[DaemonPod, ...]

    @property
    def free(self) -> int:
        """Pods that a node can take beside its daemons; negative where not even those fit."""
        return self.max_pods - len(self.daemons)

    @property
    def daemon_addresses(self) -> int:
        """Addresses that the daemons take."""
        return sum(not daemon.host_network for daemon in self.daemons)


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """A network interface of an EKS GPU node: which card and device it is, and whether EFA, EFA without ENA, or ENA."""

    card: int
    device: int
    kind: Literal["interface", "efa", "efa-only"]


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A GPU pool, resolved. `labels` are those that its nodes carry; `node_selector` is what makes a pod land on them.

    `ips_per_node` are subnet addresses, counting the EFA interfaces and what the pod network keeps warm; `nvme_path` is
    where the local NVMe is mounted, None where the type has none.
    """

    name: str
    substrate: Substrate
    instance_type: str
    instance: Instance
    nodes: int
    zone: str
    capacity: Capacity
    settings: NodePool
    gpus_per_node: int
    efa_per_node: int
    pods: PodBudget
    ips_per_node: int
    labels: dict[str, str]
    node_selector: dict[str, str]
    taints: tuple[Taint, ...]
    nvme_path: str | None
    placement_group: bool
    interfaces: tuple[NetworkInterface, ...]

    @property
    def gpus(self) -> int:
        """GPUs of the whole pool."""
        return self.nodes * self.gpus_per_node

    @property
    def max_pods(self) -> int:
        """Pods that one node may run, daemons included."""
        return self.pods.max_pods

    @property
    def vcpus_per_node(self) -> int:
        """vCPUs that a node offers, halved where hyper-threading is off."""
        return self.instance.vcpu * self.settings.threads_per_core // 2

    @property
    def tolerations(self) -> list[dict[str, str]]:
        """What a pod must tolerate to run here."""
        return [taint.toleration() for taint in self.taints]


@dataclass(frozen=True, slots=True)
class SystemPoolPlan:
    """The system pool, resolved. `ips_per_node` are subnet addresses; its nodes are spread over the network's zones."""

    instance_type: str
    instance: Instance
    nodes: int
    settings: SystemPoolSettings
    pods: PodBudget
    ips_per_node: int
    labels: dict[str, str]
    node_selector: dict[str, str]

    @property
    def max_pods(self) -> int:
        """Pods that one node may run, daemons included."""
        return self.pods.max_pods


def plan_pool(pool: NodePool, substrate: Substrate, daemons: Iterable[DaemonPod] = ()) -> PoolPlan:
    """Resolve a GPU pool; raises `UnknownInstance` for a type that is not in the table. `daemons` run on every node of
    the stack beside those that every stack has.
    """
    kind = instance(pool.instance_type)
    hyperpod = substrate == "hyperpod"
    budget = pod_budget(kind, substrate, daemons)
    return PoolPlan(
        name=pool.name,
        substrate=substrate,
        instance_type=pool.instance_type,
        instance=kind,
        nodes=pool.nodes,
        zone=pool.zone,
        capacity=pool.capacity,
        settings=pool,
        gpus_per_node=kind.gpus,
        efa_per_node=kind.efa_interfaces,
        pods=budget,
        ips_per_node=hyperpod_addresses(kind) if hyperpod else eks_addresses(kind, budget),
        labels=node_labels(pool, substrate),
        node_selector=node_selector(pool.name, substrate),
        taints=tuple(pool.taints),
        nvme_path=NVME_PATH[substrate] if kind.nvme_gb else None,
        placement_group=wants_placement_group(pool, kind, substrate),
        interfaces=() if hyperpod else network_interfaces(kind),
    )


def plan_system_pool(pool: SystemPoolSettings, daemons: Iterable[DaemonPod] = ()) -> SystemPoolPlan:
    """Resolve the system pool; raises `UnknownInstance` for a type that is not in the table. `daemons` as in
    `plan_pool`.
    """
    kind = instance(pool.instance_type)
    budget = PodBudget(kind.eks_max_pods, (*_EVERYWHERE, *(daemon for daemon in daemons if not daemon.for_efa)))
    return SystemPoolPlan(
        instance_type=pool.instance_type,
        instance=kind,
        nodes=pool.nodes,
        settings=pool,
        pods=budget,
        ips_per_node=eks_addresses(kind, budget),
        labels={
            **pool.labels,
            **_common_labels(pool.instance_type),
            POOL_LABEL: SYSTEM_POOL,
        },
        node_selector={POOL_LABEL: SYSTEM_POOL},
    )


def pod_budget(kind: Instance, substrate: Substrate, daemons: Iterable[DaemonPod] = ()) -> PodBudget:
    """Pods of a GPU node, `daemons` among them. A HyperPod node has one interface for pods, an EKS node as many as its
    type has.
    """
    hyperpod = substrate == "hyperpod"
    daemons = [daemon for daemon in daemons if kind.efa_interfaces or not daemon.for_efa]
    own = (*_GPU, *(_EFA if kind.efa_interfaces else ()), *(_HYPERPOD_GPU if hyperpod else ()))
    return PodBudget(kind.hyperpod_max_pods if hyperpod else kind.eks_max_pods, (*_EVERYWHERE, *own, *daemons))


def hyperpod_addresses(kind: Instance) -> int:
    """Subnet addresses of a HyperPod node: one for each EFA interface, or for the only interface, and the pods'."""
    return max(kind.hyperpod_addresses, kind.ipv4_per_interface)


def eks_addresses(kind: Instance, budget: PodBudget, workload: int = 4) -> int:
    """Subnet addresses of an EKS node: whole interfaces, as the VPC CNI takes them, and one more kept warm.

    `workload` are pods with an address of their own beside the daemons. The other EFA interfaces are `efa-only` and
    take no address.
    """
    needed = math.ceil((budget.daemon_addresses + workload) / (kind.ipv4_per_interface - 1))
    return min(needed + 1, kind.interfaces) * kind.ipv4_per_interface


def node_selector(name: str, substrate: Substrate) -> dict[str, str]:
    """What a pod asks for to land on a pool: on HyperPod also that the node passed its health checks."""
    if substrate == "hyperpod":
        return {INSTANCE_GROUP_LABEL: name, HEALTH_LABEL: "Schedulable"}
    return {POOL_LABEL: name}


def node_labels(pool: NodePool, substrate: Substrate) -> dict[str, str]:
    """The labels that a ready node of the pool carries, as far as they can be known before it exists."""
    labels = {**pool.labels, **_common_labels(pool.instance_type), POOL_LABEL: pool.name}
    if substrate == "hyperpod":
        return labels | {
            INSTANCE_GROUP_LABEL: pool.name,
            HEALTH_LABEL: "Schedulable",
            COMPUTE_TYPE_LABEL: "hyperpod",
        }
    return labels | {NODEGROUP_LABEL: pool.name}


def _common_labels(instance_type: str) -> dict[str, str]:
    return {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": instance_type,
    }


def wants_placement_group(pool: NodePool, kind: Instance, substrate: Substrate) -> bool:
    """Whether to put the nodes into a cluster placement group: EFA between several EKS nodes of free capacity.

    Never with a reservation: its instances are placed already, and a group elsewhere finds no capacity
    (terraform-aws-eks#3730). HyperPod places its nodes itself.
    """
    free = pool.capacity.kind in (CapacityKind.ON_DEMAND, CapacityKind.SPOT)
    return substrate == "eks" and kind.efa_interfaces > 0 and pool.nodes > 1 and free


def network_interfaces(kind: Instance) -> tuple[NetworkInterface, ...]:
    """The interfaces of an EKS node: the primary one carries IP, every further card only EFA, so it takes no address.

    EC2 user guide, "Maximize network bandwidth on EC2 instances with multiple network cards": the primary interface
    (card 0, device 0) may not be `efa-only`; each further card has its one interface at device 1.
    """
    if not kind.efa_interfaces:
        return (NetworkInterface(0, 0, "interface"),)
    primary = NetworkInterface(0, 0, "efa" if 0 in kind.efa_cards else "interface")
    return (primary, *(NetworkInterface(card, 1, "efa-only") for card in kind.efa_cards if card > 0))
