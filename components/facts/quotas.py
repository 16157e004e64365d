"""Service quotas that a stack needs, by name, with the command that prints what the account has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from components.facts.instances import find_instance
from components.words import count

_HYPERPOD_SOURCE: Final = (
    'SageMaker documentation, "HyperPod quotas": one per instance type; 0 for P instances until looked up'
)
_EC2_SOURCE: Final = "EC2 On-Demand instance quotas, counted in vCPUs; codes as many public repositories use them"
_VPC_SOURCE: Final = "Amazon VPC quotas; codes as many public repositories use them"

_EC2_CLASSES: Final = {
    "p": ("Running On-Demand P instances", "L-417A185B"),
    "g": ("Running On-Demand G and VT instances", "L-DB2E81BA"),
}
_EC2_STANDARD: Final = ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "L-1216C47A")


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota and how much of it the stack takes, in `unit` (singular). `code` is None where no source names it."""

    service: str
    name: str
    code: str | None
    needed: int
    unit: str
    source: str

    @property
    def amount(self) -> str:
        """What is needed, with its unit: `1 VPC`, `3 gateways a zone`."""
        noun, space, rest = self.unit.partition(" ")
        return count(self.needed, self.unit, f"{noun}{'es' if noun.endswith('s') else 's'}{space}{rest}")

    @property
    def command(self) -> str:
        """The command that prints the account's value in the region of the AWS configuration."""
        if self.code:
            return f"aws service-quotas get-service-quota --service-code {self.service} --quota-code {self.code}"
        query = f"Quotas[?QuotaName=='{self.name}'].[QuotaCode,Value]"
        return f'aws service-quotas list-service-quotas --service-code {self.service} --query "{query}"'


def quotas_for(pools: Iterable[tuple[str, int]], nat_gateways: int = 0, *, new_vpc: bool = True) -> Iterator[Quota]:
    """What node pools, given as (instance type, nodes), and the network take.

    HyperPod's types (`ml.`) have a quota each, counted in instances; EC2's share one per class, counted in vCPUs. A
    type that is not in the instance table adds nothing.
    """
    yield from _hyperpod(pools := list(pools))
    yield from _ec2(pools)
    if nat_gateways:
        yield Quota("ec2", "EC2-VPC Elastic IPs", "L-0263D0A3", nat_gateways, "address", _VPC_SOURCE)
        yield Quota("vpc", "NAT gateways per Availability Zone", "L-FE5A380F", 1, "gateway a zone", _VPC_SOURCE)
    if new_vpc:
        yield Quota("vpc", "VPCs per Region", "L-F678F1CE", 1, "VPC", _VPC_SOURCE)


def _hyperpod(pools: list[tuple[str, int]]) -> Iterator[Quota]:
    nodes: dict[str, int] = defaultdict(int)
    for type_, number in pools:
        if type_.startswith("ml."):
            nodes[type_] += number
    for type_, number in nodes.items():
        yield Quota("sagemaker", f"{type_} for cluster usage", None, number, "instance", _HYPERPOD_SOURCE)


def _ec2(pools: list[tuple[str, int]]) -> Iterator[Quota]:
    vcpus: dict[tuple[str, str], int] = defaultdict(int)
    for type_, number in pools:
        known = find_instance(type_)
        if known and not type_.startswith("ml."):
            vcpus[_EC2_CLASSES.get(type_[0], _EC2_STANDARD)] += known.vcpu * number
    for (name, code), number in vcpus.items():
        yield Quota("ec2", name, code, number, "vCPU", _EC2_SOURCE)
