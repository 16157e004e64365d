"""EC2 instance types: processors, memory, GPUs, EFA interfaces, and how many pods a node of each can hold.

`ml.p5.48xlarge` (HyperPod) and `p5.48xlarge` (EC2) are the same machine and the same row. Memory is in GiB, the local
NVMe in GB (10^9 bytes), GPU memory in MiB as `nvidia-smi` reports its total: SGLang sizes itself from that number.

Rows come from the EC2 `DescribeInstanceTypes` snapshot in moto 5.2.5 (`moto/ec2/resources/instance_types.json.gz`)
unless a row names another source; a contract test holds the table against that snapshot.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

EC2_SNAPSHOT: Final = "EC2 DescribeInstanceTypes snapshot in moto 5.2.5"
_NVIDIA_SMI: Final = "nvidia-smi totals: modal-labs/modal-client#2797"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU model. `memory_mib` is what nvidia-smi calls total; `fp8` means FP8 tensor cores (Ada and newer).

    `nvlink` is whether the GPUs of one node reach each other over NVLink; without it tensor parallelism uses PCIe.
    """

    name: str
    memory_mib: int
    compute_capability: tuple[int, int]
    nvlink: bool
    fp8: bool
    source: str = _NVIDIA_SMI

    @property
    def memory_gib(self) -> float:
        """Total memory in GiB."""
        return self.memory_mib / 1024

    @property
    def architecture(self) -> str:
        """The name that CUDA builds are made for, e.g. `sm_90`."""
        major, minor = self.compute_capability
        return f"sm_{major}{minor}"


A10G = Gpu("A10G", 23028, (8, 6), nvlink=False, fp8=False)
A100_40 = Gpu("A100-40GB", 40960, (8, 0), nvlink=True, fp8=False)
A100_80 = Gpu("A100-80GB", 81920, (8, 0), nvlink=True, fp8=False)
L4 = Gpu("L4", 23034, (8, 9), nvlink=False, fp8=True)
L40S = Gpu("L40S", 46068, (8, 9), nvlink=False, fp8=True)
H100 = Gpu("H100", 81559, (9, 0), nvlink=True, fp8=True)
H200 = Gpu("H200", 143771, (9, 0), nvlink=True, fp8=True, source="nvidia-smi in sgl-project/sglang#3196")
B200 = Gpu("B200", 183359, (10, 0), nvlink=True, fp8=True, source=EC2_SNAPSHOT)
B300 = Gpu("B300", 275040, (10, 3), nvlink=True, fp8=True, source=EC2_SNAPSHOT)
RTX_PRO_6000 = Gpu("RTX-PRO-6000", 97887, (12, 0), nvlink=False, fp8=True, source="nvidia-smi on a g7e.2xlarge")

GPUS: Final = {gpu.name: gpu for gpu in (A10G, A100_40, A100_80, L4, L40S, H100, H200, B200, B300, RTX_PRO_6000)}
"""Every GPU model that an instance type in the table carries, by name."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One EC2 instance type, named without `ml.`; vCPUs count two threads a core.

    `interfaces` are the network interfaces of the default network card (those that the VPC CNI puts pods on), each with
    `ipv4_per_interface` addresses. `efa_interfaces` is the most EFA devices a node has, one per network card.
    `rdma`: the NCCL plugin moves data by RDMA write on this type; elsewhere EFA sends and receives.
    """

    name: str
    vcpu: int
    memory_gib: int
    gpu: Gpu | None
    gpus: int
    efa_interfaces: int
    ipv4_per_interface: int
    interfaces: int
    nvme_gb: int
    architecture: str = "x86_64"
    rdma: bool = False
    network_cards: int = 1
    source: str = EC2_SNAPSHOT

    @property
    def family(self) -> str:
        """What stands before the dot, e.g. `p5en`."""
        return self.name.split(".")[0]

    @property
    def efa_cards(self) -> range:
        """Network card indexes that take an EFA interface: the last ones, since p6-b300's card 0 takes none."""
        return range(self.network_cards - self.efa_interfaces, self.network_cards) if self.efa_interfaces else range(0)

    @property
    def eks_max_pods(self) -> int:
        """Pods that an EKS node of this type may run (host network included).

        interfaces * (addresses - 1) + 2, at most 110 below 30 vCPUs and 250 from there on (EKS user guide, "Choose an
        optimal EC2 node instance type": the caps of managed node groups). Prefix delegation is off (with it the
        load balancer controller finds no interface on HyperPod: kubernetes-sigs/aws-load-balancer-controller#4666), so
        addresses are the limit.
        """
        cap = 110 if self.vcpu < 30 else 250
        return min(self.interfaces * (self.ipv4_per_interface - 1) + 2, cap)

    @property
    def hyperpod_max_pods(self) -> int:
        """Pods that a HyperPod node may run: it has one interface for pods (amazon-vpc-cni-k8s#3753, #3754)."""
        return self.ipv4_per_interface - 1

    @property
    def hyperpod_addresses(self) -> int:
        """Subnet addresses that a HyperPod node takes: its EFA interfaces and the pods' 49 or so.

        awslabs/agent-plugins capacity planning: p5 81, p4d 53 by this sum (51 observed), g5.48xlarge about 15.
        """
        return self.efa_interfaces + self.hyperpod_max_pods


_WITHOUT_FACTS: Final = {
    "p6e-gb200": "no source tells its addresses, disks and EFA interfaces, and it is arm64",
    "trn": "it has Trainium chips, and SGLang needs NVIDIA GPUs",
    "inf": "it has Inferentia chips, and SGLang needs NVIDIA GPUs",
    "g4dn": "its T4 GPUs are older than the engine images are built for",
    "g5g": "it is arm64, and the engine images are amd64",
    "h20": "no EC2 instance has H20 GPUs, which are made for China alone (NVIDIA)",
    "mi300": "no EC2 instance has AMD MI300X GPUs, and images, operators and metrics here are NVIDIA's",
    "dgx": "DGX Spark is a desktop with an arm64 chip of NVIDIA's, not an EC2 instance",
}
"""Families that are left out of the table on purpose, and hardware that people read of beside them, and why."""


class UnknownInstance(KeyError):
    """No such instance type in the table; `close` holds the names most like it, best first.

    For a family that was left out on purpose `why` says the reason, and `close` is empty.
    """

    def __init__(self, name: str, close: list[str]) -> None:
        self.name = name
        family = ec2_name(name).lower()
        self.why = next((text for prefix, text in _WITHOUT_FACTS.items() if family.startswith(prefix)), None)
        self.close = [] if self.why else close
        hint = f"; did you mean {', '.join(close)}?" if self.close else ""
        super().__init__(f"{name} is not in the instance table{f': {self.why}' if self.why else hint}")

    def __str__(self) -> str:
        return self.args[0]


def _gpu_types() -> Iterator[Instance]:
    yield from (
        Instance("p4d.24xlarge", 96, 1152, A100_40, 8, 4, 50, 15, 8000, network_cards=4),
        Instance("p4de.24xlarge", 96, 1152, A100_80, 8, 4, 50, 15, 8000, network_cards=4),
        Instance("p5.4xlarge", 16, 256, H100, 1, 1, 30, 4, 3800),
        Instance("p5.48xlarge", 192, 2048, H100, 8, 32, 50, 2, 30400, rdma=True, network_cards=32),
        Instance("p5e.48xlarge", 192, 2048, H200, 8, 32, 50, 2, 30400, rdma=True, network_cards=32),
        Instance("p5en.48xlarge", 192, 2048, H200, 8, 16, 50, 4, 30400, rdma=True, network_cards=16),
        Instance("p6-b200.48xlarge", 192, 2048, B200, 8, 8, 50, 4, 30400, rdma=True, network_cards=8),
        Instance("p6-b300.48xlarge", 192, 4096, B300, 8, 16, 50, 4, 30400, rdma=True, network_cards=17),
        Instance("g5.xlarge", 4, 16, A10G, 1, 0, 15, 4, 250),
        Instance("g5.2xlarge", 8, 32, A10G, 1, 0, 15, 4, 450),
        Instance("g5.4xlarge", 16, 64, A10G, 1, 0, 30, 8, 600),
        Instance("g5.8xlarge", 32, 128, A10G, 1, 1, 30, 8, 900),
        Instance("g5.12xlarge", 48, 192, A10G, 4, 1, 50, 15, 3800),
        Instance("g5.16xlarge", 64, 256, A10G, 1, 1, 30, 8, 1900),
        Instance("g5.24xlarge", 96, 384, A10G, 4, 1, 50, 15, 3800),
        Instance("g5.48xlarge", 192, 768, A10G, 8, 1, 50, 7, 7600),
        Instance("g6.xlarge", 4, 16, L4, 1, 0, 15, 4, 250),
        Instance("g6.2xlarge", 8, 32, L4, 1, 0, 15, 4, 450),
        Instance("g6.4xlarge", 16, 64, L4, 1, 0, 30, 8, 600),
        Instance("g6.8xlarge", 32, 128, L4, 1, 1, 30, 8, 900),
        Instance("g6.12xlarge", 48, 192, L4, 4, 1, 30, 8, 3760),
        Instance("g6.16xlarge", 64, 256, L4, 1, 1, 50, 15, 1880),
        Instance("g6.24xlarge", 96, 384, L4, 4, 1, 50, 15, 3760),
        Instance("g6.48xlarge", 192, 768, L4, 8, 1, 50, 15, 7520),
        Instance("gr6.4xlarge", 16, 128, L4, 1, 0, 30, 8, 600),
        Instance("gr6.8xlarge", 32, 256, L4, 1, 1, 30, 8, 900),
        Instance("g6e.xlarge", 4, 32, L40S, 1, 0, 15, 4, 250),
        Instance("g6e.2xlarge", 8, 64, L40S, 1, 0, 15, 4, 450),
        Instance("g6e.4xlarge", 16, 128, L40S, 1, 0, 30, 8, 600),
        Instance("g6e.8xlarge", 32, 256, L40S, 1, 1, 30, 8, 900),
        Instance("g6e.12xlarge", 48, 384, L40S, 4, 1, 30, 10, 3800),
        Instance("g6e.16xlarge", 64, 512, L40S, 1, 1, 50, 15, 1900),
        Instance("g6e.24xlarge", 96, 768, L40S, 4, 2, 50, 10, 3800, network_cards=2),
        Instance("g6e.48xlarge", 192, 1536, L40S, 8, 4, 50, 10, 7600, network_cards=4),
        Instance("g7e.2xlarge", 8, 64, RTX_PRO_6000, 1, 0, 64, 4, 1900),
        Instance("g7e.4xlarge", 16, 128, RTX_PRO_6000, 1, 0, 64, 8, 1900),
        Instance("g7e.8xlarge", 32, 256, RTX_PRO_6000, 1, 1, 64, 8, 1900),
        Instance("g7e.12xlarge", 48, 512, RTX_PRO_6000, 2, 1, 64, 10, 3800, rdma=True),
        Instance("g7e.24xlarge", 96, 1024, RTX_PRO_6000, 4, 2, 64, 10, 7600, rdma=True, network_cards=2),
        Instance("g7e.48xlarge", 192, 2048, RTX_PRO_6000, 8, 4, 64, 10, 15200, rdma=True, network_cards=4),
    )


_SIZES: Final = (
    ("large", 2, 3, 10),
    ("xlarge", 4, 4, 15),
    ("2xlarge", 8, 4, 15),
    ("4xlarge", 16, 8, 30),
    ("8xlarge", 32, 8, 30),
    ("16xlarge", 64, 15, 50),
)
"""Size, vCPUs, interfaces and addresses per interface: alike in every family below."""

_GIB_PER_VCPU: Final = {
    "m5": 4, "m5a": 4, "m6i": 4, "m6a": 4, "m7i": 4, "m7a": 4, "m7i-flex": 4, "m6g": 4, "m7g": 4, "m8g": 4,
    "c5": 2, "c5a": 2, "c6i": 2, "c6a": 2, "c7i": 2, "c7a": 2, "c6g": 2, "c7g": 2, "c8g": 2,
    "r5": 8, "r6i": 8, "r7i": 8, "r7g": 8,
}  # fmt: skip
"""Memory per vCPU of the general purpose, compute and memory families that make a system pool."""

_EFA_AT_16XLARGE: Final = ("m7g", "c7g", "r7g")


def _cpu_types() -> Iterator[Instance]:
    for family, gib in _GIB_PER_VCPU.items():
        architecture = "arm64" if family[2:3] == "g" else "x86_64"
        for size, vcpu, interfaces, addresses in _SIZES:
            if family == "c5" and vcpu > 16:  # its larger sizes are 9xlarge and 18xlarge
                continue
            efa = 1 if size == "16xlarge" and family in _EFA_AT_16XLARGE else 0
            yield Instance(
                f"{family}.{size}", vcpu, vcpu * gib, None, 0, efa, addresses, interfaces, 0, architecture=architecture
            )


@cache
def instances() -> dict[str, Instance]:
    """Every known type by its EC2 name."""
    return {row.name: row for row in (*_gpu_types(), *_cpu_types())}


def ec2_name(name: str) -> str:
    """The EC2 name of a type: HyperPod's `ml.` prefix removed."""
    return name.removeprefix("ml.")


def find_instance(name: str) -> Instance | None:
    """The row of `p5.48xlarge` or `ml.p5.48xlarge`, or None."""
    return instances().get(ec2_name(name))


def instance(name: str) -> Instance:
    """The row of `p5.48xlarge` or `ml.p5.48xlarge`; raises `UnknownInstance` with the closest names."""
    found = find_instance(name)
    if found is None:
        prefix = "ml." if name.startswith("ml.") else ""
        close = difflib.get_close_matches(ec2_name(name), instances(), n=3, cutoff=0.6)
        raise UnknownInstance(name, [prefix + match for match in close])
    return found
