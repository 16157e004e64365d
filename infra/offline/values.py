"""Between the wire form of properties (protobuf, signed objects) and the plain values of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from infra.offline.recording import Secret, Unknown

SIGNATURE = rpc._special_sig_key
SECRET = rpc._special_secret_sig
RESOURCE = rpc._special_resource_sig
ASSETS = {rpc._special_asset_sig, rpc._special_archive_sig}
LABEL = "#"
"""What stands between the wire form of an unknown and the label that `infra.offline.labels` adds to it."""


def plain(value: Any) -> Any:
    """A wire value as JSON-like Python: unknowns and secrets marked, whole numbers as integers."""
    if isinstance(value, str):
        return _unknown(value) if value.startswith(rpc.UNKNOWN) else value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, struct_pb2.ListValue):
        return [plain(_item(item)) for item in value.values]
    if isinstance(value, struct_pb2.Struct):
        return _plain_struct(value)
    return value


def _plain_struct(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    if SIGNATURE not in fields:
        return {key: plain(_item(fields[key])) for key in sorted(fields)}
    signature = fields[SIGNATURE].string_value
    if signature == SECRET:
        return Secret()
    rest = {key: plain(_item(fields[key])) for key in sorted(fields) if key != SIGNATURE}
    return {"asset": rest} if signature in ASSETS else rest


def _item(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    return None if kind in (None, "null_value") else getattr(value, kind)


def _unknown(text: str) -> Unknown:
    return Unknown(text[len(rpc.UNKNOWN) + len(LABEL) :])


def echo(struct: struct_pb2.Struct) -> struct_pb2.Struct:
    """A copy of the inputs as the outputs that a preview knows: labels taken off, unknowns left unknown."""
    result = struct_pb2.Struct()
    result.CopyFrom(struct)
    for value in result.fields.values():
        _strip(value)
    return result


def _strip(value: struct_pb2.Value) -> None:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        if value.string_value.startswith(rpc.UNKNOWN):
            value.string_value = rpc.UNKNOWN
    elif kind == "struct_value":
        for item in value.struct_value.fields.values():
            _strip(item)
    elif kind == "list_value":
        for item in value.list_value.values:
            _strip(item)


def wire(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values in wire form; `Unknown` becomes what the SDK takes for unknown."""
    struct = struct_pb2.Struct()
    struct.update({key: _unmarked(value) for key, value in values.items()})
    return struct


def _unmarked(value: Any) -> Any:
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isinstance(value, Mapping):
        return {key: _unmarked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_unmarked(item) for item in value]
    return value


def reference(urn: str, id: str) -> dict[str, str]:
    """A resource reference, from which the SDK builds the resource by asking for its state."""
    return {SIGNATURE: RESOURCE, "urn": urn, "id": id, "packageVersion": ""}
