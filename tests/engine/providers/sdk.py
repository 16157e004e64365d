"""What the Python SDKs know about resource types: their inputs, which are required, and their outputs.

The wheels of the providers carry no schema, but their typed classes say the same: names, types and what is required.
"""

from __future__ import annotations

import collections.abc
import enum
import hashlib
import importlib
import inspect
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

from pulumi import _types
from pulumi.runtime import rpc

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine sends in place of a value that it does not know yet."""

_PACKAGES = {
    "aws": "pulumi_aws",
    "aws-native": "pulumi_aws_native",
    "eks": "pulumi_eks",
    "kubernetes": "pulumi_kubernetes",
}


class UnknownTypeError(LookupError):
    """The SDK has no such resource type."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An input that the SDK's types do not allow, at a path such as `spec.ports[0].port`."""

    path: str
    reason: str


@dataclass(frozen=True)
class ResourceType:
    """A resource type of an SDK: the class that describes its inputs, and the types of its outputs by name."""

    token: str
    args: type
    outputs: dict[str, Any]
    always: frozenset[str]
    """Outputs that are there even where no input gives them."""

    def faults(self, inputs: dict[str, Any]) -> list[Fault]:
        """Every input that has a wrong name or type, and every required one that is missing."""
        return list(_object_faults(self.args, inputs, ""))

    def computed(self, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """A value for each output that the inputs do not give, of the type that the SDK declares."""
        return {
            output: example(self.outputs[output], f"{name}-{output}") for output in self.always if output not in inputs
        }


@cache
def resource_type(token: str) -> ResourceType:
    """The resource type of a token, `aws:ec2/vpc:Vpc`. Raises UnknownTypeError."""
    package, module, _ = token.split(":")
    importlib.import_module(_PACKAGES[package])
    for known in rpc._RESOURCE_MODULES.get(f"{package}:{module}", []):
        info = getattr(known, "mod_info", {})
        if token in info.get("classes", {}):
            return _describe(token, importlib.import_module(info["fqn"]), info["classes"][token])
    raise UnknownTypeError(f"{_PACKAGES[package]} has no resource type {token}")


def _describe(token: str, module: Any, name: str) -> ResourceType:
    resource = getattr(module, name)
    args = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    names = _types.resource_py_to_pulumi_names(resource)
    hints = {
        names.get(python, python): typing.get_type_hints(prop.fget, localns=vars(module)).get("return")
        for python, prop in inspect.getmembers(resource, lambda member: isinstance(member, property))
        if python in names
    }
    always = frozenset(
        output for output, hint in hints.items() if hint is not None and not _optional(typing.get_args(hint)[0])
    )
    return ResourceType(token, args, dict(_types.resource_types(resource)), always)


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def example(hint: Any, seed: str) -> Any:
    """A value of a type, the same in every run; the seed makes it unlike others."""
    hint = plain(hint)
    origin = typing.get_origin(hint)
    if hint is str:
        return f"{seed}-{hashlib.sha256(seed.encode()).hexdigest()[:8]}"
    if hint in (int, float):
        return 1
    if hint is bool:
        return False
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return next(iter(hint)).value
    if origin in (list, collections.abc.Sequence):
        return []
    if isinstance(hint, type) and _types.is_output_type(hint):
        return {name: example(kind, f"{seed}-{name}") for name, kind in _types.output_type_types(hint).items()}
    return {}


def plain(hint: Any) -> Any:
    """The type itself, without Optional, Input and what else may stand in for a value."""
    while typing.get_origin(hint) is typing.Union or type(hint).__name__ == "UnionType":
        hint = next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def _alternatives(hint: Any) -> list[Any]:
    if typing.get_origin(hint) is typing.Union or type(hint).__name__ == "UnionType":
        return [kind for each in typing.get_args(hint) for kind in _alternatives(each) if kind is not type(None)]
    return [] if typing.get_origin(hint) is collections.abc.Awaitable or _is_output(hint) else [hint]


def _is_output(hint: Any) -> bool:
    return getattr(typing.get_origin(hint) or hint, "__name__", "") == "Output"


def _object_faults(args: type, value: dict[str, Any], path: str) -> collections.abc.Iterator[Fault]:
    kinds = _types.input_type_types(args)
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        if name.startswith("__"):
            continue
        if name not in kinds:
            yield Fault(where, f"{args.__name__} has no such property")
        elif item is not None:
            yield from _value_faults(kinds[name], item, where)
    names = _types.input_type_py_to_pulumi_names(args)
    for python, parameter in inspect.signature(args.__init__).parameters.items():
        name = names.get(python)
        if name and parameter.default is parameter.empty and value.get(name) is None:
            yield Fault(f"{path}.{name}" if path else name, f"{args.__name__} needs it")


def _value_faults(hint: Any, value: Any, path: str) -> collections.abc.Iterator[Fault]:
    if value == UNKNOWN or (isinstance(value, dict) and any(key.startswith("4dabf18193072939") for key in value)):
        return
    found = [list(_one_type_faults(kind, value, path)) for kind in _alternatives(hint)]
    if found and all(found):
        yield from min(found, key=len)


def _one_type_faults(hint: Any, value: Any, path: str) -> collections.abc.Iterator[Fault]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value not in arguments:
            yield Fault(path, f"{value!r} is not one of {', '.join(map(str, arguments))}")
    elif origin in (list, collections.abc.Sequence):
        if not isinstance(value, list):
            yield Fault(path, f"wants a list, not {type(value).__name__}")
        else:
            for index, item in enumerate(value):
                yield from _value_faults(arguments[0], item, f"{path}[{index}]")
    elif origin in (dict, collections.abc.Mapping):
        if not isinstance(value, dict):
            yield Fault(path, f"wants a mapping, not {type(value).__name__}")
        else:
            for key, item in value.items():
                yield from _value_faults(arguments[1], item, f"{path}.{key}")
    elif isinstance(hint, type):
        yield from _class_faults(hint, value, path)


def _class_faults(hint: type, value: Any, path: str) -> collections.abc.Iterator[Fault]:
    if issubclass(hint, enum.Enum):
        allowed = [member.value for member in hint]
        if value not in allowed:
            yield Fault(path, f"{value!r} is not one of {', '.join(map(str, allowed))}")
    elif _types.is_input_type(hint):
        if isinstance(value, dict):
            yield from _object_faults(hint, value, path)
        else:
            yield Fault(path, f"wants {hint.__name__}, not {type(value).__name__}")
    elif hint in (str, int, float, bool):
        fits = {str: str, bool: bool, int: int, float: (int, float)}[hint]
        if not isinstance(value, fits) or (hint in (int, float) and isinstance(value, bool)):
            yield Fault(path, f"wants {hint.__name__}, not {type(value).__name__} {value!r}")
