"""The resources of two previews, paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.diff.values import with_same_origins

Json = Mapping[str, Any]
"""A resource, or a whole preview, as `preview --json` writes it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A resource that is in both previews."""

    before: Json
    after: Json

    @property
    def urn(self) -> str:
        """The URN that it has now."""
        return self.after["urn"]

    @property
    def type(self) -> str:
        """The type token."""
        return self.after["type"]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two previews' resources; `urns` gives the present URN of a former one that an alias names."""

    both: tuple[Pair, ...]
    added: tuple[Json, ...]
    removed: tuple[Json, ...]
    urns: Mapping[str, str]


def pair(before: Sequence[Json], after: Sequence[Json]) -> Pairing:
    """Pair by URN, or by an alias that is the URN of a former resource."""
    former = {resource["urn"]: resource for resource in before if _shown(resource)}
    both, added, urns = [], [], {}
    for resource in after:
        if not _shown(resource):
            continue
        known = resource["urn"] if resource["urn"] in former else _former(resource, former)
        if known is None:
            added.append(resource)
        else:
            old = former.pop(known)
            both.append(Pair({**old, "inputs": with_same_origins(old["inputs"], resource["inputs"])}, resource))
            urns[known] = resource["urn"]
    return Pairing(tuple(both), tuple(added), tuple(former.values()), urns)


def _former(resource: Json, former: Mapping[str, Json]) -> str | None:
    """The URN under which a resource was known, by its aliases: a URN, or `name=..., type=...` of what differed."""
    for alias in resource.get("aliases", ()):
        if alias in former:
            return alias
        given = dict(part.split("=", 1) for part in alias.split(", ") if "=" in part)
        wanted = (given.get("name", resource["name"]), given.get("type", resource["type"]))
        found = [urn for urn, one in former.items() if (one["name"], one["type"]) == wanted]
        if not alias.startswith("urn:") and len(found) == 1:
            return found[0]
    return None


def _shown(resource: Json) -> bool:
    """Whether a resource stands for something: a component has no inputs of its own, but a remote one."""
    return bool(resource["inputs"]) or not resource.get("component", False)
