"""Changes that the service refuses, or that end badly: each with the way that leads there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.diff.replacements import EKS_COMPONENT, LUSTRE
from infra.diff.resources import Json, Pairing

GROUPS: Final = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
DISAGGREGATED_SET: Final = "kubernetes:disaggregatedset.x-k8s.io/v1:DisaggregatedSet"
HYPERPOD: Final = "aws-native:sagemaker:Cluster"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that cannot be made: of which resource and property, what is wrong, and what to do in its place."""

    resource: str
    path: str
    message: str
    way: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.path}: {self.message}; {self.way}"


def refusals(pairing: Pairing) -> list[Refusal]:
    """Every change that cannot be made."""
    found = [*_switched(pairing.added, pairing.removed), *_switched(pairing.removed, pairing.added)]
    for pair in pairing.both:
        look = _BY_TYPE.get(pair.type)
        if look:
            found += [
                Refusal(pair.after["name"], *fault) for fault in look(pair.before["inputs"], pair.after["inputs"])
            ]
    return found


def _switched(sets: Sequence[Json], groups: Sequence[Json]) -> Iterator[Refusal]:
    """A model whose phases get another kind. Both are there for a while, since the old goes after the new has come: the
    new groups have no nodes, and the network policies follow the new labels at once.
    """
    for made in sets:
        others = [each for each in groups if each["type"] == GROUPS and each.get("parent") == made.get("parent")]
        if made["type"] == DISAGGREGATED_SET and others:
            names = " and ".join(each["inputs"]["metadata"]["name"] for each in others)
            yield Refusal(
                made["name"],
                "kind",
                f"{names} and one DisaggregatedSet cannot take each other's place: the new groups would wait for nodes "
                "that the old ones hold, and the old ones would be cut off meanwhile",
                "deploy the model under another name on nodes of its own, shift the requests, then remove this one; or "
                "deploy once without the model, which is an outage, and then with the other kind",
            )


Fault = tuple[str, str, str]


def _lustre(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Fault]:
    """Throughput is fixed where EFA is on (pulumi-aws fsx.LustreFileSystem: perUnitStorageThroughput)."""
    old, new = before.get("perUnitStorageThroughput"), after.get("perUnitStorageThroughput")
    if before.get("efaEnabled") is True and after.get("efaEnabled") is True and old != new:
        yield (
            "perUnitStorageThroughput",
            f"{old} to {new} MB/s per TiB: FSx changes no throughput of a file system with EFA",
            "make a new file system beside it with the new throughput, copy the weights or let the prefetch jobs fetch "
            "them again, switch the models to it, then remove the old one",
        )


def _eks(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Fault]:
    """EKS goes up one minor version at a time and never down (EKS user guide, "Update existing cluster")."""
    old, new = _minor(before.get("version")), _minor(after.get("version"))
    if old is None or new is None or old <= new <= old + 1:
        return
    if new < old:
        yield "version", f"1.{old} to 1.{new}: EKS does not go back", "stay, or make a new cluster beside this one"
    else:
        yield (
            "version",
            f"1.{old} to 1.{new}: EKS goes up one minor version at a time",
            f"deploy 1.{old + 1} first, nodes and add-ons with it",
        )


def _minor(version: Any) -> int | None:
    _, _, minor = str(version).partition(".")
    return int(minor) if minor.isdecimal() else None


_FIXED: Final = {
    "instanceType": "type",
    "executionRole": "role",
    "overrideVpcConfig": "subnets and security groups",
    "threadsPerCore": "threads per core",
}
"""What UpdateCluster may reject in a group that exists (createOnlyProperties of older CloudFormation schemas)."""


def _hyperpod(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Fault]:
    """An instance group keeps its type, role, network and threads; another one is added beside it."""
    old, new = _groups(before), _groups(after)
    for name in sorted(old.keys() & new.keys()):
        for key, word in _FIXED.items():
            if old[name].get(key) != new[name].get(key):
                yield (
                    f"instanceGroups[{name}].{key}",
                    f"HyperPod does not change the {word} of an instance group that exists",
                    "add a pool under another name, move the models to it, then remove this one",
                )


def _groups(inputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    groups = inputs.get("instanceGroups")
    return {str(group.get("instanceGroupName")): group for group in groups} if isinstance(groups, list) else {}


_BY_TYPE: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Fault]]]] = {
    LUSTRE: _lustre,
    EKS_COMPONENT: _eks,
    HYPERPOD: _hyperpod,
}
