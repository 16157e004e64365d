"""The JSON schema of a stack file, for editors."""

from __future__ import annotations

from typing import Any

from infra.settings.files import PREFIX
from infra.settings.stack import StackSettings


def stack_file_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of `Pulumi.<stack>.yaml`; the keys of other packages are free."""
    schema = StackSettings.model_json_schema(by_alias=True)
    sections = {name: section for name, section in schema.pop("properties").items() if name != "secrets"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of sglang-hyperpod",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "description": schema["description"],
                "properties": {f"{PREFIX}{name}": section for name, section in sections.items()},
                "required": [f"{PREFIX}{name}" for name in schema["required"]],
            }
        },
        "required": ["config"],
        "$defs": schema["$defs"],
    }
