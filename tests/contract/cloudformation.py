"""CloudFormation's resource schemas as cfn-lint ships them, and what the program registers in their words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import regex
from jsonschema import Draft7Validator, ValidationError, validators

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"


@cache
def schema(type_name: str) -> dict[str, Any]:
    """The schema of a resource type, e.g. `AWS::SageMaker::Cluster`."""
    for file in sorted((SCHEMAS / "resources").glob("*.json")):
        text = file.read_text()
        if f'"{type_name}"' in text and json.loads(text).get("typeName") == type_name:
            return json.loads(text)
    raise LookupError(f"cfn-lint has no schema of {type_name}")


def extension(path: str) -> dict[str, Any]:
    """One of cfn-lint's further schemas, e.g. `aws_fsx_filesystem/storage_capacity.json`."""
    return json.loads((SCHEMAS / "extensions" / path).read_text())


def faults(properties: Mapping[str, Any], against: Mapping[str, Any]) -> list[str]:
    """What a schema has against a resource's properties, each fault with its path."""
    validator = validators.extend(Draft7Validator, {"pattern": _pattern})(dict(against))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(properties)]


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """CloudFormation's patterns use Unicode classes (`\\p{L}`), which Python's own expressions do not know."""
    if validator.is_type(value, "string") and not regex.search(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def as_cloudformation(inputs: Any, against: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """Inputs of an aws-native resource with CloudFormation's names: `volumeSizeInGb` becomes `VolumeSizeInGB`.

    Keys of open maps (labels, tags) stay as they are; a key that the schema does not know stays too, to be found.
    """
    root = root or against
    against = _resolved(against, root)
    known = dict(against.get("properties", {}))
    for option in against.get("oneOf", []):
        known |= _resolved(option, root).get("properties", {})
    if isinstance(inputs, Mapping):
        if not known:
            return dict(inputs)
        names = {name.lower(): name for name in known}
        renamed = {names.get(key.lower(), key): value for key, value in inputs.items()}
        return {name: as_cloudformation(value, known.get(name, {}), root) for name, value in renamed.items()}
    if isinstance(inputs, list):
        return [as_cloudformation(item, against.get("items", {}), root) for item in inputs]
    return inputs


def _resolved(part: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[-1]]
    return part
