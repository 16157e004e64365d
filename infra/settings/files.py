"""Where settings come from: a stack file, a bare mapping, or the Pulumi engine."""

from __future__ import annotations

import difflib
import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

PREFIX = "sglang-hyperpod:"
_UNNAMED = 'in "<unicode string>", '


class UnreadableFile(ValueError):
    """The file is not there or not a YAML mapping; the message says which file and what to do."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, as Pulumi does; YAML's own way is to let the last one win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"`{key.value}` is written twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_stack_file(path: Path) -> dict[str, Any]:
    """The raw settings of a stack file (`config: {sglang-hyperpod:region: …}`) or of a bare mapping (`region: …`).

    An encrypted value (`secure: …`) is not decrypted: its name is listed under `secrets`. Keys of other packages
    (`pulumi:…`) are left out, except `aws:region`, which is passed on so that it can be refused.
    """
    try:
        content = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        raise UnreadableFile(f"{path} does not exist; settings of a stack S are in Pulumi.S.yaml") from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path} is not text in UTF-8") from None
    except yaml.YAMLError as error:
        raise UnreadableFile(f"{path} is not YAML: {str(error).replace(_UNNAMED, '')}") from None
    if not isinstance(content, Mapping):
        raise UnreadableFile(f"{path} holds no mapping; it needs `config:` with keys such as `{PREFIX}region`")
    if "config" not in content:
        return dict(content)
    config = content["config"]
    if not isinstance(config, Mapping) or not config:
        seen = "is empty" if not config else "is no mapping"
        raise UnreadableFile(f"{path}: `config:` {seen}; it needs keys such as `{PREFIX}region: us-east-1`")
    if bare := [str(key) for key in config if ":" not in str(key)]:
        named = ", ".join(f"`{key}`" for key in bare)
        raise UnreadableFile(f"{path}: under `config:` every key has a prefix; write `{PREFIX}{bare[0]}`, not {named}")
    return _sections(config)


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
    """What is below our prefix, or below one that was meant to be ours: that one is a key too, to be told once."""
    sections: dict[str, Any] = {}
    secrets: list[str] = []
    for key, value in config.items():
        prefix, _, name = key.partition(":")
        if _is_slip(prefix):
            sections[f"{prefix}:"] = None
        elif not key.startswith(PREFIX):
            if key == "aws:region":
                sections[key] = value
            continue
        if isinstance(value, Mapping) and set(value) == {"secure"}:
            secrets.append(name)
        else:
            sections[name] = value
    return {**sections, "secrets": secrets} if secrets else sections


def _is_slip(prefix: str) -> bool:
    ours = PREFIX.removesuffix(":")
    return prefix != ours and bool(difflib.get_close_matches(prefix.lower(), [ours], cutoff=0.65))
