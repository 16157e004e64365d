"""What a pod asks of its node, in quantities as Kubernetes writes them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HUGE_PAGES_GIB: Final = 5
"""GiB of 2 MiB pages for libfabric: AWS' samples ask for 5120Mi (awslabs/awsome-distributed-ai, deepep-benchmark)."""

_USABLE_MEMORY: Final = 0.8
"""Share of an instance's memory that its pods may have: the rest is the kernel's, the kubelet's reserve (255 MiB and
11 MiB a pod), the EFA driver's huge pages and the daemons'."""
_USABLE_CPU: Final = 0.75
"""Share of an instance's vCPUs that its engine pods ask for; they may use more, since there is no limit."""
_SHARED_MEMORY_GIB_PER_GPU: Final = 8
"""GiB of /dev/shm by GPU: 64 on a node of eight (awslabs/awsome-distributed-ai, dsv3-uccl-nixl: 120)."""


@dataclass(frozen=True, slots=True)
class PodResources:
    """A pod's share of its node. Memory, huge pages, GPUs and EFA interfaces are asked for exactly; CPU is not limited,
    since a throttled scheduler thread stalls every GPU of the group.
    """

    gpus: int
    efa: int
    cpus: int
    memory_gib: int
    shared_memory_gib: int
    huge_pages: bool

    @property
    def limits(self) -> dict[str, str]:
        """`resources.limits`, each a canonical quantity: the LeaderWorkerSet webhook rewrites any other."""
        limits = {"memory": gib(self.memory_gib), "nvidia.com/gpu": str(self.gpus)}
        if self.efa:
            limits["vpc.amazonaws.com/efa"] = str(self.efa)
        if self.huge_pages:
            limits["hugepages-2Mi"] = gib(HUGE_PAGES_GIB)
        return limits

    @property
    def requests(self) -> dict[str, str]:
        """`resources.requests`: the limits and the CPU."""
        return {"cpu": str(self.cpus), **self.limits}


def pod_resources(
    *,
    vcpus: int,
    memory_gib: int,
    pods_per_node: int,
    gpus: int,
    efa: int,
    shared_memory_gib: int | None,
    huge_pages: bool | None,
) -> PodResources:
    """Resources of one of `pods_per_node` equal pods on a node of `vcpus` and `memory_gib`."""
    memory = pod_memory_gib(memory_gib, pods_per_node)
    default_shared = min(_SHARED_MEMORY_GIB_PER_GPU * gpus, max(1, memory // 4))
    return PodResources(
        gpus=gpus,
        efa=efa,
        cpus=max(1, int(vcpus * _USABLE_CPU) // pods_per_node),
        memory_gib=memory,
        shared_memory_gib=shared_memory_gib or default_shared,
        huge_pages=efa > 0 if huge_pages is None else huge_pages,
    )


def pod_memory_gib(node_gib: int, pods_per_node: int) -> int:
    """GiB of one of `pods_per_node` equal pods on a node of `node_gib`."""
    return max(1, int(node_gib * _USABLE_MEMORY) // pods_per_node)


def gib(count: int) -> str:
    """GiB as a canonical quantity: 2048 is `2Ti`."""
    return f"{count // 1024}Ti" if count and count % 1024 == 0 else f"{count}Gi"
