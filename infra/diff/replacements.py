"""Which changes make a new resource in place of the old one.

The table is `components.facts.replaces`; here is what it takes to apply it to two previews: options of the program,
limits that depend on the values, providers, and what depends on something that is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from components.facts.replaces import replaced_by, replacing
from infra.diff.resources import Json, Pair
from infra.diff.values import changes, unknown_within

EKS_COMPONENT: Final = "eks:index:Cluster"
EKS: Final = "aws:eks/cluster:Cluster"
LUSTRE: Final = "aws:fsx/lustreFileSystem:LustreFileSystem"
KUBERNETES_PROVIDER: Final = "pulumi:providers:kubernetes"

_CHILD_INPUTS: Final = {
    "bootstrapSelfManagedAddons": "bootstrapSelfManagedAddons",
    "encryptionConfigKeyArn": "encryptionConfig",
    "ipFamily": "kubernetesNetworkConfig.ipFamily",
    "kubernetesServiceIpAddressRange": "kubernetesNetworkConfig.serviceIpv4Cidr",
    "name": "name",
    "serviceRole": "roleArn",
}
"""Inputs of the remote component and what they become in the cluster that it makes, whose own inputs an offline preview
does not know (pulumi-eks nodejs/eks/cluster/cluster.ts, createCore)."""

_PROVIDERS: Final = {
    "pulumi:providers:aws": ("region",),
    "pulumi:providers:aws-native": ("region",),
    KUBERNETES_PROVIDER: ("clusterIdentifier",),
}
"""What moves a provider to another place, so that everything made through it is made anew there. A Kubernetes provider
with a cluster identifier goes by that alone (pulumi-kubernetes provider.go, DiffConfig)."""

_MUTABLE: Final = {
    "kubernetes:core/v1:ConfigMap": "enableConfigMapMutable",
    "kubernetes:core/v1:Secret": "enableSecretMutable",
}
"""Kinds that the provider replaces unless this input of it is true."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Why a resource is replaced: the properties that do it, or the resource that it depends on."""

    paths: tuple[str, ...]
    cause: str = ""


def replacements(pairs: Sequence[Pair]) -> dict[str, Replacement]:
    """The replaced resources by URN: those whose own inputs do it, then all that cannot outlive them."""
    providers = {pair.urn: pair.after["inputs"] for pair in pairs if pair.type in _PROVIDERS}
    found = {pair.urn: Replacement(paths) for pair in pairs if (paths := tuple(_own(pair, providers)))}
    found |= dict(_clusters(pairs))
    while following := dict(_following(pairs, found)):
        found |= following
    return found


def _own(pair: Pair, providers: Mapping[str, Json]) -> Iterator[str]:
    before, after = pair.before["inputs"], pair.after["inputs"]
    ignored = pair.after.get("ignore_changes", ())
    if pair.type in _PROVIDERS:
        yield from (path for path in _PROVIDERS[pair.type] if before.get(path) != after.get(path))
        return
    mutable = _MUTABLE.get(pair.type)
    if not (mutable and _says_yes(providers.get(pair.after.get("provider") or "", {}).get(mutable))):
        yield from (path for path in replaced_by(pair.type, before, after) if not _below(path, ignored))
    else:
        own = replaced_by(pair.type, before, after)
        yield from (path for path in own if path.startswith(("metadata.", "apiVersion", "kind", "type")))
    for path in pair.after.get("replace_on_changes", ()):
        if any(path == "*" or _below(change.path, (path,)) for change in changes(before, after)):
            yield path
    if pair.type == LUSTRE and _less(before.get("storageCapacity"), after.get("storageCapacity")):
        yield "storageCapacity"


def _clusters(pairs: Sequence[Pair]) -> Iterator[tuple[str, Replacement]]:
    """The EKS clusters whose component changes what the service cannot."""
    for component in pairs:
        if component.type != EKS_COMPONENT:
            continue
        before, after = component.before["inputs"], component.after["inputs"]
        fixed = replacing(EKS)
        paths = [
            path for path, becomes in _CHILD_INPUTS.items() if becomes in fixed and before.get(path) != after.get(path)
        ]
        for child in pairs:
            if paths and child.type == EKS and child.after.get("parent") == component.urn:
                yield child.urn, Replacement(tuple(paths))


def _following(pairs: Sequence[Pair], replaced: Mapping[str, Replacement]) -> Iterator[tuple[str, Replacement]]:
    """What is replaced since it depends, by a property that replaces it, on something that is."""
    names = {pair.urn: pair.after["name"] for pair in pairs}
    for pair in pairs:
        if pair.urn in replaced:
            continue
        provider = pair.after.get("provider") or ""
        if provider in replaced:
            yield pair.urn, Replacement((), names[provider])
            continue
        for path in sorted(replacing(pair.type)):
            causes = depends_on_replaced(pair.after, path, replaced)
            if causes:
                yield pair.urn, Replacement((path,), names.get(causes[0], causes[0]))
                break


def depends_on_replaced(resource: Json, path: str, replaced: Mapping[str, Any]) -> list[str]:
    """URNs of the replaced resources that the value at a path is made from, where it is not known beforehand."""
    top, _, _ = path.partition(".")
    if not unknown_within(resource["inputs"].get(top)):
        return []
    return [urn for urn in resource.get("property_dependencies", {}).get(top, ()) if urn in replaced]


def _below(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) for root in roots)


def _says_yes(value: Any) -> bool:
    return value is True or value == "true"


def _less(before: Any, after: Any) -> bool:
    return isinstance(before, (int, float)) and isinstance(after, (int, float)) and after < before
