"""What a check looks at: one resource, or the whole stack, from a recording or from the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.offline.recording import Recorded


@dataclass(frozen=True, slots=True)
class Resource:
    """A registered resource. `props` are its inputs, `Unknown` and `Secret` among them.

    `retain_on_delete` is None where it cannot be seen: the engine does not tell a policy pack. `depends` are the URNs
    that each property was made from. `complete` is False where its inputs cannot all be seen: a recording does not
    know those of what a remote component makes, the engine not those of the component itself.
    """

    urn: str
    type: str
    name: str
    props: Mapping[str, Any]
    protect: bool = False
    retain_on_delete: bool | None = None
    depends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    complete: bool = True

    @classmethod
    def of(cls, recorded: Recorded) -> Resource:
        """A recorded resource."""
        return cls(
            urn=recorded.urn,
            type=recorded.type,
            name=recorded.name,
            props=recorded.inputs,
            protect=recorded.protect,
            retain_on_delete=recorded.retain_on_delete,
            depends=recorded.property_dependencies,
            complete=recorded.made_by is None,
        )


class Stack:
    """Every resource of a stack. `protect` is whether the stack is to be protected, None where nobody says."""

    def __init__(self, resources: Iterable[Resource], *, protect: bool | None = None) -> None:
        self.resources = tuple(resources)
        self.protect = protect
        self._by_urn = {resource.urn: resource for resource in self.resources}

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these type tokens."""
        return (resource for resource in self.resources if resource.type in types)

    def behind(self, resource: Resource, prop: str) -> list[Resource]:
        """The resources that a property was made from."""
        return [self._by_urn[urn] for urn in resource.depends.get(prop, ()) if urn in self._by_urn]
