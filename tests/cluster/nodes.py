"""Simulated nodes: what AWS and the kubelet would make of the machines that the program asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from components.facts.instances import Instance
from tests.cluster.client import Client, Manifest
from tests.cluster.control_plane import MANAGED

KERNEL_SHARE = 0.035
"""Share of the instance's memory that firmware and kernel keep, generously: the kubelet never sees it."""

EVICTION_MIB = 100
EFA_HUGE_PAGES_MIB = 5128 * 2
"""The EFA driver reserves 5128 pages of 2 MiB at boot (EKS user guide); the kubelet takes them off the memory."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One node as AWS makes it. `taints` are Kubernetes taints; `max_pods` is what nodeadm gives the kubelet."""

    name: str
    pool: str
    instance: Instance
    max_pods: int
    labels: Mapping[str, str]
    taints: list[dict[str, str]] = field(default_factory=list)

    def manifest(self) -> Manifest:
        """The Node, without its status."""
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "labels": {"kubernetes.io/hostname": self.name, **self.labels},
            },
            "spec": {"taints": self.taints} if self.taints else {},
        }

    def capacity(self) -> dict[str, str]:
        """What the kubelet and the device plugins report."""
        devices = {"nvidia.com/gpu": self.instance.gpus, "vpc.amazonaws.com/efa": self.instance.efa_interfaces}
        huge_pages = EFA_HUGE_PAGES_MIB if self.instance.efa_interfaces else 0
        return {
            "cpu": str(self.instance.vcpu),
            "memory": f"{self._memory()}Mi",
            "pods": str(self.max_pods),
            "ephemeral-storage": "100Gi",
            "hugepages-2Mi": f"{huge_pages}Mi",
            **{name: str(count) for name, count in devices.items() if count},
        }

    def allocatable(self) -> dict[str, str]:
        """What pods may ask for: nodeadm reserves processor time by the core and memory by the pod."""
        cores = self.instance.vcpu
        reserved_cpu = 60 + 10 * (cores > 1) + 5 * min(max(cores - 2, 0), 2) + 2.5 * max(cores - 4, 0)
        reserved_memory = 255 + 11 * self.max_pods + EVICTION_MIB
        huge_pages = EFA_HUGE_PAGES_MIB if self.instance.efa_interfaces else 0
        return {
            **self.capacity(),
            "cpu": f"{cores * 1000 - round(reserved_cpu)}m",
            "memory": f"{self._memory() - reserved_memory - huge_pages}Mi",
            "ephemeral-storage": "80Gi",
        }

    def _memory(self) -> int:
        return int(self.instance.memory_gib * 1024 * (1 - KERNEL_SHARE))


def join(client: Client, machines: Iterable[Machine]) -> None:
    """Let machines join the cluster and wait until their kubelets report ready."""
    names = [_register(client, machine) for machine in machines]
    for name in names:
        client.wait(f"node {name} is Ready", lambda name=name: ready(client.get("v1", "Node", name)))


def leave(client: Client, name: str) -> None:
    """Take a node away, as AWS does with a terminated instance."""
    client.delete({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    client.wait(f"node {name} is gone", lambda: client.find("v1", "Node", name) is None)


def silence(client: Client, name: str) -> None:
    """Let a kubelet fall silent: no lease, no status, no pod started or ended."""
    node = client.get("v1", "Node", name)
    client.merge(node, {"metadata": {"labels": {MANAGED: None}}})


def ready(node: Manifest) -> bool:
    """Whether the node is Ready and may take pods."""
    conditions = {each["type"]: each["status"] for each in node["status"].get("conditions", [])}
    taints = [taint["key"] for taint in node["spec"].get("taints", [])]
    return conditions.get("Ready") == "True" and not any(key.startswith("node.kubernetes.io/") for key in taints)


def _register(client: Client, machine: Machine) -> str:
    node = client.apply(machine.manifest(), manager="kubelet")
    status = {"capacity": machine.capacity(), "allocatable": machine.allocatable()}
    client.merge(node, {"status": status}, subresource="status")
    # Only now does kwok see the node: one without capacity would get kwok's own.
    client.merge(node, {"metadata": {"labels": {MANAGED: "fake"}}})
    return machine.name
