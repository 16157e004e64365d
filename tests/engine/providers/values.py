"""Property values as the engine sends them, and what differs between two of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import struct_pb2

from tests.engine.providers.sdk import UNKNOWN


def type_of(urn: str) -> str:
    """The resource type within a URN, without the types of its parents."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A protobuf structure as plain values; whole numbers are int, and nulls are left out."""
    return {key: _plain(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def encode(value: dict[str, Any]) -> struct_pb2.Struct:
    """Plain values as a protobuf structure."""
    struct = struct_pb2.Struct()
    struct.update(value)
    return struct


def _plain(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return decode(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = float(value.number_value)
        return int(number) if number.is_integer() else number
    return None if kind == "null_value" else getattr(value, kind or "string_value")


def hidden(outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs of a preview: every value unknown, within objects too, so that known neighbours stay known."""
    return {key: hidden(value) if isinstance(value, dict) and value else UNKNOWN for key, value in outputs.items()}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, objects within objects too."""
    result = dict(base)
    for key, value in over.items():
        below = base.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The paths at which two values differ, deepest first known, each with `add`, `delete` or `update`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            step = f"{path}.{key}" if path and re.fullmatch(r"\w+", key) else key
            step = step if re.fullmatch(r"\w+", key) else f'{path}["{key}"]'
            if old.get(key) != new.get(key):
                yield from differences(old.get(key), new.get(key), step)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before, after = (each[index] if index < len(each) else None for each in (old, new))
            if before != after:
                yield from differences(before, after, f"{path}[{index}]")
    elif old != new:
        yield path, "add" if old is None else "delete" if new is None else "update"


def matches(path: str, patterns: frozenset[str]) -> bool:
    """Whether a path is one of the patterns, which are without indices, or lies below one."""
    bare = re.sub(r"\[\d+\]", "", path)
    return any(bare == pattern or bare.startswith((f"{pattern}.", f"{pattern}[")) for pattern in patterns)


def projected(live: Any, shape: Any) -> Any:
    """What of a live value has a place in `shape`: a refresh takes over no field that the program did not give."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: projected(live[key], value) for key, value in shape.items() if key in live}
    return live
