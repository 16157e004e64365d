"""What a run of the program registered, as plain values. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


class Unknown(str):
    """A value that only the cloud can tell. It reads `<resource.output>`, or `<resource>` where it was computed from
    several outputs; being a string, it can stand anywhere in JSON or YAML.

    `source` is the text between the brackets, empty where nothing is known of its origin.
    """

    __slots__ = ("source",)
    source: str

    def __new__(cls, source: str = "") -> Unknown:
        """See the class."""
        self = super().__new__(cls, f"<{source or 'unknown'}>")
        self.source = source
        return self

    def __repr__(self) -> str:
        return f"Unknown({self.source!r})"


class Secret(str):
    """A value that Pulumi keeps encrypted. The recording never holds its text: every secret reads `<secret>`."""

    __slots__ = ()

    def __new__(cls) -> Secret:
        """See the class."""
        return super().__new__(cls, "<secret>")

    def __repr__(self) -> str:
        return "Secret()"


class NotRecordedError(LookupError):
    """No resource, or more than one, answers a question put to a recording; the message lists what is there."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One registered resource.

    `inputs` are JSON-like, with `Unknown` and `Secret` in them. `depends_on` holds every dependency that the engine is
    told of: the explicit ones and those of the inputs; `property_dependencies` has the latter by property. `provider`
    and `parent` are URNs. `made_by` names the remote component that made the resource (`eks`), in which case its inputs
    are not known here.
    """

    urn: str
    type: str
    name: str
    parent: str | None
    provider: str | None
    depends_on: tuple[str, ...]
    property_dependencies: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, Any]
    component: bool = False
    protect: bool = False
    retain_on_delete: bool = False
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    deleted_with: str | None = None
    aliases: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    made_by: str | None = None

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider, which creates nothing by itself."""
        return self.type.startswith(PROVIDER_PREFIX)

    @property
    def creates(self) -> bool:
        """Whether something comes into being with this resource: not a component, a provider or the stack."""
        return not (self.component or self.is_provider or self.type == STACK_TYPE)

    @property
    def secret_paths(self) -> list[str]:
        """Where the inputs hold secrets: `stringData.token`."""
        return [path for path, value in leaves(self.inputs) if isinstance(value, Secret)]

    @property
    def unknown_paths(self) -> dict[str, str]:
        """Where the inputs hold unknowns, with the source of each."""
        return {path: value.source for path, value in leaves(self.inputs) if isinstance(value, Unknown)}


@dataclass(frozen=True)
class Recording:
    """Everything that one run registered, in the order of registration; the stack itself is not among it."""

    project: str
    stack: str
    preview: bool
    resources: list[Recorded]
    outputs: Mapping[str, Any]
    messages: list[tuple[str, str]] = field(default_factory=list)
    """What the program or the SDK logged at level `warning` or `error`: (level, text)."""

    @cached_property
    def by_urn(self) -> dict[str, Recorded]:
        """The resources by URN."""
        return {resource.urn: resource for resource in self.resources}

    def of_type(self, type: str) -> list[Recorded]:
        """Every resource of a type token, e.g. `aws:fsx/lustreFileSystem:LustreFileSystem`."""
        return [resource for resource in self.resources if resource.type == type]

    def one(self, type: str, name: str | None = None) -> Recorded:
        """The only resource of a type, or the one with that logical name. Raises `NotRecordedError`."""
        found = [resource for resource in self.of_type(type) if name in (None, resource.name)]
        if len(found) == 1:
            return found[0]
        present = ", ".join(sorted(resource.name for resource in self.of_type(type))) or "none of that type"
        types = ", ".join(sorted({resource.type for resource in self.resources}))
        wanted = type if name is None else f"{type} called {name}"
        raise NotRecordedError(f"{len(found)} resources are {wanted}; there: {present}. Types: {types}")

    def named(self, name: str) -> list[Recorded]:
        """Every resource with a logical name."""
        return [resource for resource in self.resources if resource.name == name]

    def children(self, parent: Recorded) -> list[Recorded]:
        """The direct children of a resource."""
        return [resource for resource in self.resources if resource.parent == parent.urn]

    def depends(self, resource: Recorded, on: Recorded) -> bool:
        """Whether `resource` is created after `on`: by its own dependencies, or by those of others that it needs, its
        provider and a parent that is no component included.
        """
        seen: set[str] = set()
        queue = [resource.urn]
        while queue:
            current = self.by_urn.get(queue.pop())
            if current is None or current.urn in seen:
                continue
            seen.add(current.urn)
            if current.urn == on.urn and current is not resource:
                return True
            queue += current.depends_on
            queue += [urn for urn in (current.provider, self._made_in(current)) if urn]
        return False

    def _made_in(self, resource: Recorded) -> str | None:
        parent = self.by_urn.get(resource.parent or "")
        return parent.urn if parent and not parent.component else None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar within a JSON-like value with its path, `a.b[0].c`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value
