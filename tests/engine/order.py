"""What the engine's state says about the order of resources."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any


class Order:
    """The order in which the resources of a state are created; their deletion is its reverse."""

    def __init__(self, resources: Mapping[str, Mapping[str, Any]]) -> None:
        self._resources = resources
        self.before = cache(self._before)

    def _before(self, urn: str) -> frozenset[str]:
        """Everything that is there before the resource `urn` is created."""
        seen: set[str] = set()
        queue = list(self._direct(urn))
        while queue:
            current = queue.pop()
            if current not in seen:
                seen.add(current)
                queue += self._direct(current)
        return frozenset(seen)

    def _direct(self, urn: str) -> set[str]:
        resource = self._resources.get(urn, {})
        direct = {*resource.get("dependencies", ()), resource.get("parent", "")}
        direct |= {on for urns in resource.get("propertyDependencies", {}).values() for on in urns or ()}
        direct |= {"::".join(resource["provider"].split("::")[:-1])} if resource.get("provider") else set()
        # A remote component is there when all that its plugin makes is there.
        remote = {on for on in direct if on.split("::")[2:3] and on.split("::")[2].endswith("eks:index:Cluster")}
        remote -= {resource.get("parent", "")}
        return (direct | {child for child in self._resources for on in remote if self._within(child, on)}) - {""}

    def _within(self, urn: str, component: str) -> bool:
        parent = self._resources[urn].get("parent", "")
        return bool(parent) and (parent == component or self._within(parent, component))
