"""Where settings come from: a stack file, a bare mapping, or the Pulumi engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PREFIX = "sglang-hyperpod:"


class UnreadableFile(ValueError):
    """The file is not there or not a YAML mapping; the message says which file and what to do."""


def load_stack_file(path: Path) -> dict[str, Any]:
    """The raw settings of a stack file (`config: {sglang-hyperpod:region: …}`) or of a bare mapping (`region: …`).

    An encrypted value (`secure: …`) is not decrypted: its name is listed under `secrets`. Keys of other packages
    (`pulumi:…`) are left out, except `aws:region`, which is passed on so that it can be refused.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UnreadableFile(f"{path} does not exist; settings of a stack S are in Pulumi.S.yaml") from None
    except yaml.YAMLError as error:
        raise UnreadableFile(f"{path} is not YAML: {error}") from None
    if not isinstance(content, Mapping):
        raise UnreadableFile(f"{path} holds no mapping; it needs `config:` with keys such as `{PREFIX}region`")
    if isinstance(content.get("config"), Mapping):
        return _sections(content["config"])
    return dict(content)


def from_engine(config: Mapping[str, Any], secret_names: set[str]) -> dict[str, Any]:
    """The raw settings as the Pulumi engine hands them over: text, or JSON for what is a list or a mapping.

    `secret_names` are full keys; their values are never read here.
    """
    values = {key: {"secure": ""} if key in secret_names else _parsed(value) for key, value in config.items()}
    return _sections(values)


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        return json.loads(value)
    return value


def _sections(config: Mapping[str, Any]) -> dict[str, Any]:
    sections: dict[str, Any] = {}
    secrets: list[str] = []
    for key, value in config.items():
        name = key.removeprefix(PREFIX)
        if name == key and key != "aws:region":
            continue
        if isinstance(value, Mapping) and set(value) == {"secure"}:
            secrets.append(name)
        else:
            sections[name] = value
    return {**sections, "secrets": secrets} if secrets else sections
