"""A planned object against the live one: what the plan says and the cluster does not. Pure.

Defaults that the API server adds are no difference, nor is what only the cloud or a controller can know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from infra.offline.recording import Secret, Unknown

_UNITS: Final = {
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("m", "", "k", "M", "G", "T", "P"), start=-1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)},
}
_QUANTITY: Final = re.compile(r"^([+-]?\d+(?:\.\d+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")
_IGNORED: Final = re.compile(r'^metadata\.annotations\["pulumi\.com/|^status(\.|$)|^apiVersion$')
_KEYS: Final = ("name", "mountPath", "containerPort", "key", "port")
"""By which of an element's fields it is found again in a list that the server may have ordered otherwise."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs; `live` is None where the cluster has nothing there."""

    path: str
    planned: Any
    live: Any

    def __str__(self) -> str:
        if self.live is None:
            return f"{self.path} {_shown(self.planned)} is gone"
        return f"{self.path} is {_shown(self.live)}, planned {_shown(self.planned)}"


def differences(planned: Any, live: Any, left_alone: frozenset[str], path: str = "") -> Iterator[Difference]:
    """Every value of `planned` that `live` does not have, except at the paths that are `left_alone`."""
    if isinstance(planned, (Secret, Unknown)) or path in left_alone or _IGNORED.match(path) or _is_nothing(planned):
        return
    if isinstance(planned, Mapping) and isinstance(live, (Mapping, type(None))):
        for key, value in planned.items():
            yield from differences(value, (live or {}).get(key), left_alone, _below(path, str(key)))
    elif isinstance(planned, (list, tuple)) and isinstance(live, (list, tuple)):
        for index, value in enumerate(planned):
            yield from differences(value, _counterpart(value, index, live), left_alone, f"{path}[{index}]")
        if len(live) > len(planned) and not _keyed(planned):
            yield Difference(f"{path}[{len(planned)}]", "nothing", live[len(planned)])
    elif _canonical(planned) != _canonical(live):
        yield Difference(path, planned, live)


def _counterpart(value: Any, index: int, live: list[Any] | tuple[Any, ...]) -> Any:
    here = live[index] if index < len(live) else None
    key = next((key for key in _KEYS if isinstance(value, Mapping) and key in value), None)
    if key is None or _same(value, here, key):
        return here
    return next((one for one in live if _same(value, one, key)), None)


def _same(value: Mapping[str, Any], other: Any, key: str) -> bool:
    return isinstance(other, Mapping) and _canonical(other.get(key)) == _canonical(value[key])


def _keyed(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether elements are found by a key, so that a webhook may have added others (tokens, environment)."""
    return bool(values) and isinstance(values[0], Mapping) and any(key in values[0] for key in _KEYS)


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, (Mapping, list, tuple)) and not value) or value is False


def _canonical(value: Any) -> Any:
    """The same for `8` and `"8"`, `1Gi` and `1024Mi`: the server keeps the number and may write it otherwise."""
    if isinstance(value, bool) or value is None:
        return value
    match = _QUANTITY.match(str(value))
    return Decimal(match[1]) * _UNITS[match[2] or ""] if match else str(value)


def _below(path: str, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w-]*", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    first = text.splitlines()[0] if text else ""
    return first if first == text and len(text) <= 60 else f"{first[:60]} ..."
