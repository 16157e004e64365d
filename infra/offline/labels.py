"""Telling where an unknown input comes from.

The SDK sends every unknown as the same text. While a program is recorded, the function that serialises a property adds
the name of the output to it, which it finds by looking for the very `Output` among the attributes of the resources that
it belongs to. What was computed from outputs is labelled with the resources only.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Any

from pulumi import CustomResource, Output, Resource
from pulumi.runtime import known_types, rpc

from infra.offline.values import LABEL, SIGNATURE

_MOST = 3
_SERIALIZE = "serialize_property"


@contextmanager
def labelled_unknowns() -> Generator[None]:
    """Within it, unknowns carry labels. Not for two threads at once: the function belongs to the SDK's module."""
    original = rpc.serialize_property

    def serialize(value: Any, *args: Any, **kwargs: Any) -> Any:
        if known_types.is_output(value):
            return _labelled(original, value, *args, **kwargs)
        return original(value, *args, **kwargs)

    setattr(rpc, _SERIALIZE, serialize)
    try:
        yield
    finally:
        setattr(rpc, _SERIALIZE, original)


async def _labelled(original: Any, output: Output[Any], *args: Any, **kwargs: Any) -> Any:
    result = await original(output, *args, **kwargs)
    if result == rpc.UNKNOWN:
        return f"{rpc.UNKNOWN}{LABEL}{await _label(output)}"
    if isinstance(result, dict) and SIGNATURE in result and result.get("value") == rpc.UNKNOWN:
        return {**result, "value": f"{rpc.UNKNOWN}{LABEL}{await _label(output)}"}
    return result


async def _label(output: Output[Any]) -> str:
    resources = await output.resources()
    for resource in resources:
        for name, value in vars(resource).items():
            if value is output:
                return f"{resource.pulumi_resource_name}.{_camel(name)}"
    names = _names(resources)
    return ", ".join(names[:_MOST]) + (", ..." if len(names) > _MOST else "")


def _names(resources: Collection[Resource]) -> list[str]:
    """Names of the resources; a component only where nothing that it made is among them."""
    named = [resource for resource in resources if hasattr(resource, "_name")]
    made = [resource for resource in named if isinstance(resource, CustomResource)]
    return sorted({resource.pulumi_resource_name for resource in made or named})


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
