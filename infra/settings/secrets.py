"""Secrets in raw settings: a value pasted where a name belongs, and a value that was stored in plain text.

Both are told here, before anything else reads the settings, so that no message repeats what must not be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.rules import Problem

_NAME_FIELD: Final = re.compile(r"^(secret|[a-z]\w*Secret)$")
"""A field that holds a secret's name: `gateway.keys[].secret`, `tokenSecret`, `urlSecret` and their like."""

_TOKEN: Final = re.compile(r"(hf_)[A-Za-z0-9]{12,}|(sk-)[\w-]{12,}|(eyJ)[\w.-]{12,}|(xox[a-z]-)\S+")
"""Tokens of Hugging Face, OpenAI and Slack, and JSON web tokens, each with the start that is public."""

_ADDRESS: Final = re.compile(r"(https?://|hooks\.)\S+")
"""A webhook's address is a secret too."""

_STAND_IN: Final = "pasted-secret"


def masked(text: str) -> str:
    """`text` with every token in it cut to the start that tells its kind: `hf_***`."""
    return _TOKEN.sub(lambda found: f"{next(filter(None, found.groups()))}***", text)


def without_secrets(raw: Mapping[str, Any], sections: set[str]) -> tuple[dict[str, Any], list[Problem]]:
    """The settings without what must not be shown, and what was wrong there.

    A pasted value is replaced by a name, and a secret in plain text by its name under `secrets`, as if it were stored.
    """
    problems: list[Problem] = []
    listed = raw.get("secrets")
    known = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    clean = {key: _replaced(str(key), value, known, problems) for key, value in raw.items()}
    plain = [name for name in dict.fromkeys(_names(clean)) if name in clean and name not in sections]
    for name in plain:
        del clean[name]
        fix = f"store it again with `pulumi config set --secret sglang-hyperpod:{name}`, best a new one: a file held it"
        problems.append(Problem(name, "is a secret, and it is stored in plain text", fix, "settings.plain-secret"))
    return ({**clean, "secrets": [*known, *plain]} if plain else clean), problems


def _replaced(path: str, value: Any, known: list[str], problems: list[Problem]) -> Any:
    match value:
        case dict():
            return {key: _named(f"{path}.{key}", key, inner, known, problems) for key, inner in value.items()}
        case list():
            return [_replaced(f"{path}[{index}]", inner, known, problems) for index, inner in enumerate(value)]
        case _:
            return value


def _named(path: str, key: Any, value: Any, known: list[str], problems: list[Problem]) -> Any:
    if not (_NAME_FIELD.match(str(key)) and isinstance(value, str)) or value in known:
        return _replaced(path, value, known, problems)
    shown = _ADDRESS.sub(r"\1***", masked(value))
    if shown == value:
        return value
    fix = (
        "write the NAME under which `pulumi config set --secret sglang-hyperpod:NAME` stored the value, "
        "best a new one: a file held it"
    )
    problems.append(Problem(path, f"{shown} looks like the secret itself, not its name", fix, "settings.pasted-secret"))
    return _STAND_IN


def _names(value: Any) -> Iterator[str]:
    """Every name of a secret that the settings hold."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and _NAME_FIELD.match(str(key)):
                yield inner
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
