"""Reading properties of which some are unknown.

A preview does not know what only the cloud can tell, and never reads a secret. Such a value satisfies every check: a
check speaks only of what it can see, and the policy pack sees the rest when the update runs. So `at` gives an `Unknown`
for anything below an unknown, and `mapping`, `items`, `text` and `number` give nothing for it; a check that objects to
an absent value asks `known` first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.offline.recording import Secret, Unknown


def known(value: Any) -> bool:
    """Whether a value is there to be read; an absent one (None) is known to be absent."""
    return not isinstance(value, (Unknown, Secret))


def at(props: Any, path: str) -> Any:
    """The value at a dotted path, None where there is none, `Unknown` where it, or what holds it, is unknown.

    A list of one object on the way (`launchTemplate`) is taken for the object, as some providers write it either way.
    """
    value = props
    for key in path.split("."):
        if not known(value):
            return Unknown()
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value if known(value) else Unknown()


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, empty where there is none or it is unknown."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> Sequence[Any]:
    """The list, or the only element of one; empty where there is none or it is unknown."""
    if value is None or not known(value):
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def text(value: Any) -> str | None:
    """The text, None where there is none or it is unknown."""
    return value if isinstance(value, str) and known(value) else None


def number(value: Any) -> int | None:
    """The whole number, written as one or as text, None where there is none or it is unknown."""
    if isinstance(value, bool) or not known(value):
        return None
    if isinstance(value, (int, float)):
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def true(value: Any) -> bool:
    """Whether a value says yes: providers take `true` as well as `"true"`. An unknown says yes."""
    return value is True or value == "true" or not known(value)
