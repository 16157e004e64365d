"""The folder of schemas and charts beside the project, which nobody here wrote; a test that misses it is skipped."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).parents[2].parent / "shared"


def shared(path: str) -> Path:
    """A file of that folder, or skip the test."""
    file = FOLDER / path
    if not file.exists():
        pytest.skip(f"../shared/{path} is not there")
    return file


def strict_schema(crd: str, *path: str) -> dict[str, Any]:
    """The schema of a CRD file (or of what lies at `path` in its objects), in which an unknown field is an error.

    The API server drops such a field without a word.
    """
    (version,) = [
        served
        for served in yaml.safe_load(shared(f"crds/{crd}.yaml").read_text())["spec"]["versions"]
        if served["storage"]
    ]
    schema = version["schema"]["openAPIV3Schema"]
    for part in path:
        schema = schema["properties"][part]
    schema = copy.deepcopy(schema)
    _close(schema)
    return schema


def schema_faults(instance: Any, schema: dict[str, Any]) -> list[str]:
    """What a JSON schema objects to, each with its path."""
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


def kubernetes_faults(manifest: Mapping[str, Any], version: str) -> list[str]:
    """What Kubernetes of a version would object to in one of its own kinds, an unknown field among it."""
    try:
        kubernetes_validate.validate(dict(manifest), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{manifest['kind']} {manifest['metadata'].get('name')}: {error}"]
    return []


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for part in schema:
            _close(part)
    elif isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        if schema.get("x-kubernetes-int-or-string"):
            schema["type"] = ["integer", "string"]
        for part in schema.values():
            _close(part)
