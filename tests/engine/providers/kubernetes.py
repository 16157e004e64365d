"""The simulated Kubernetes provider. What it does to an object is what the real one was seen to do on a real cluster.

The objects stand behind `Cluster`: `FileCluster` keeps them in the world's file; a real API server can take its place.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from components.facts.replaces import replacing
from tests.engine.providers import sdk
from tests.engine.providers.base import UNKNOWN, Difference, Plugin, Request, SimulatedProvider
from tests.engine.providers.file_cluster import RELEASE, FileCluster
from tests.engine.providers.identifiers import digest
from tests.engine.providers.values import differences, merged
from tests.engine.providers.world import Thing, World

_MUTABLE_BY = {
    "kubernetes:core/v1:ConfigMap": "enableConfigMapMutable",
    "kubernetes:core/v1:Secret": "enableSecretMutable",
}
"""Kinds whose content is replaced unless the provider is told otherwise, and by which setting."""


class Cluster(Protocol):
    """Where the objects are. Every method raises RefusedError with the reason, as an API server answers."""

    def live(self, thing: Thing) -> dict[str, Any] | None:
        """The object as the cluster has it; None where it is not there."""
        ...

    def apply(self, request: Request) -> None:
        """Server-side apply, or the installation of a chart; `request.old` is the object where it exists."""
        ...

    def delete(self, thing: Thing) -> None:
        """Delete an object, or uninstall a chart."""
        ...


class SimulatedKubernetes(SimulatedProvider):
    """The provider; `cluster` is made from its configuration, so that it can be told where the API server is."""

    def __init__(self, world: World, plugin: Plugin, cluster: Cluster | None = None) -> None:
        super().__init__(world, plugin)
        self.cluster = cluster or FileCluster(world, lambda: self.config)

    async def close(self) -> None:
        """End what it has started, once the engine has no more use for it."""

    def faults(self, type: str, inputs: dict[str, Any]) -> list[sdk.Fault]:
        """A custom resource has no type in the SDK: the real provider does not check it either."""
        try:
            return super().faults(type, inputs)
        except sdk.UnknownTypeError:
            if "." not in type.split(":")[1]:
                raise
            return []

    def check(self, request: Request) -> dict[str, Any]:
        if request.type == RELEASE:
            return request.inputs
        metadata = request.inputs.get("metadata") or {}
        if "name" in metadata or "generateName" in metadata:
            return request.inputs
        return merged(request.inputs, {"metadata": {"name": f"{request.name.lower()}-{digest(request.urn)[:8]}"}})

    def identify(self, request: Request) -> str:
        at = request.inputs if request.type == RELEASE else request.inputs["metadata"]
        name = at.get("name") or f"{request.name}-{digest(request.urn)[:8]}"
        return f"{at['namespace']}/{name}" if at.get("namespace") else name

    def outputs(self, request: Request, id: str) -> dict[str, Any]:
        if request.type == "kubernetes:networking.k8s.io/v1:Ingress":
            balancer = {"ingress": [{"hostname": f"{digest(id)}.elb.amazonaws.com"}]}
            return {"metadata": {"uid": digest(id)}, "status": {"loadBalancer": balancer}}
        if request.type != RELEASE:
            return {"metadata": {"uid": digest(f"{request.type}{id}")}}
        inputs = request.inputs
        computed = sdk.resource_type(RELEASE).computed(id, inputs)
        status = {key: inputs[key] for key in ("name", "namespace", "version", "chart") if key in inputs}
        return merged(computed, {"status": {**status, "status": "deployed"}, "resourceNames": {}})

    def replaces(self, type: str) -> frozenset[str]:
        mutable = _MUTABLE_BY.get(type)
        if mutable and str(self.config.get(mutable)).lower() == "true":
            return replacing(type) - {"data", "binaryData", "stringData"}
        return replacing(type)

    def carry_out(self, operation: str, request: Request) -> None:
        if operation == "delete" and request.old:
            self.cluster.delete(request.old)
        else:
            self.cluster.apply(request)

    def compare(self, old: Thing, new: dict[str, Any], ignored: tuple[str, ...] = ()) -> Difference:
        """What the program changed, and where the cluster has something else than the program says."""
        difference = super().compare(old, new, ignored)
        thing = self.world.get(old.type, old.id)
        live = self.cluster.live(thing) if thing and not difference.replaces else None
        if live is not None:
            found = differences(live, new)
            drifted = {
                path: "update"
                for path, kind in found
                if kind == "update" and path not in ignored and not _says(new, path, UNKNOWN)
            }
            difference.paths = {**drifted, **difference.paths}
        difference.delete_first = bool(difference.replaces) and not _renamed(old, new)
        return difference

    def live(self, thing: Thing, inputs: dict[str, Any]) -> dict[str, Any]:
        """A refresh takes over what the stack itself set: fields of other managers stay theirs."""
        return super().live(thing, inputs)

    def compare_config(self, old: dict[str, Any], new: dict[str, Any]) -> Difference:
        """Without `clusterIdentifier` another API address means another cluster: every object would be replaced."""
        difference = super().compare_config(old, new)
        identified = "clusterIdentifier" in old and old["clusterIdentifier"] == new.get("clusterIdentifier")
        if not identified:
            difference.replaces = [path for path in difference.paths if path in ("kubeconfig", "clusterIdentifier")]
        return difference


def _says(value: Any, path: str, what: str) -> bool:
    for step in re.findall(r'[^.\[\]"]+', path):
        if value == what:
            return True
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return value == what


def _renamed(old: Thing, new: dict[str, Any]) -> bool:
    before, after = (each if old.type == RELEASE else each.get("metadata", {}) for each in (old.inputs, new))
    return any(before.get(key) != after.get(key) for key in ("name", "namespace"))
