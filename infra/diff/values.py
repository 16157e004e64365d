"""Where two sets of inputs differ, and how a value is shown in one line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Final

_NAMES: Final = ("name", "instanceGroupName", "key", "deviceName", "resourceType")
"""What an element of a list is called, in the lists whose order means nothing to their reader."""
_WIDTH: Final = 48
"""Characters of a value that is shown."""
_LINE: Final = 110
_MOST_LINES: Final = 16
"""Characters of a line, and lines, that are shown of a text that differs."""


@dataclass(frozen=True, slots=True)
class PathChange:
    """One property that differs; `before` and `after` are short texts, empty where there is no value.

    `lines` are those in which texts of several lines differ, as a unified diff has them.
    """

    path: str
    before: str
    after: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.before or 'none'} -> {self.after or 'none'}"


def changes(before: Any, after: Any, path: str = "") -> Iterator[PathChange]:
    """Every property that differs. Elements of a list go by their name where each has one, else by their place."""
    if before == after:
        return
    if _object(before) and _object(after):
        for key in dict.fromkeys((*before, *after)):
            yield from changes(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
        return
    if isinstance(before, list) and isinstance(after, list):
        yield from _list_changes(before, after, path)
        return
    yield PathChange(path, shown(before), shown(after), tuple(_differing_lines(before, after)))


def _differing_lines(before: Any, after: Any) -> Iterator[str]:
    """Where two texts differ. A secret is no text here, and an unknown neither."""
    if not (isinstance(before, str) and isinstance(after, str) and "\n" in before + after):
        return
    found = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
    yield from (line if len(line) <= _LINE else f"{line[: _LINE - 3]}..." for line in found[:_MOST_LINES])
    if len(found) > _MOST_LINES:
        yield f"... and {len(found) - _MOST_LINES} more"


def with_same_origins(before: Any, after: Any) -> Any:
    """`before`, with an unknown as `after` has it where one comes from all that the other comes from.

    A value that only the cloud can tell is known by the outputs that it comes from. One that is computed from more of
    them than before is most likely the same value, waited for longer: no reason to announce a replacement.
    """
    if _unknown(before) and _unknown(after):
        old, new = _origins(before), _origins(after)
        return after if old <= new or new <= old else before
    if _object(before) and _object(after):
        return {key: with_same_origins(value, after.get(key)) for key, value in before.items()}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [with_same_origins(*pair) for pair in zip(before, after, strict=True)]
    return before


def _unknown(value: Any) -> bool:
    return isinstance(value, Mapping) and "$unknown" in value


def _origins(value: Mapping[str, Any]) -> set[str]:
    """The resources that an unknown comes from: `a.id` comes from `a`, `a, b` from both."""
    named = (part.strip() for part in str(value["$unknown"]).split(","))
    return {name.split(".")[0] for name in named if name not in ("", "...")}


def _list_changes(before: list[Any], after: list[Any], path: str) -> Iterator[PathChange]:
    if not any(_object(item) or isinstance(item, list) for item in (*before, *after)):
        gone, new = Counter(map(shown, before)), Counter(map(shown, after))
        only_before, only_after = list((gone - new).elements()), list((new - gone).elements())
        if only_before or only_after:
            yield PathChange(path, _cut(" ".join(only_before)), _cut(" ".join(only_after)))
        else:
            yield PathChange(path, "another order", "another order")
        return
    name = next((name for name in _NAMES if _named(before, name) and _named(after, name)), None)
    if name is None:
        pairs: dict[Any, list[Any]] = {index: [item, None] for index, item in enumerate(before)}
        for index, item in enumerate(after):
            pairs.setdefault(index, [None, None])[1] = item
    else:
        pairs = {item[name]: [item, None] for item in before}
        for item in after:
            pairs.setdefault(item[name], [None, None])[1] = item
    found = [change for key, pair in pairs.items() for change in changes(*pair, f"{path}[{key}]")]
    yield from found or [PathChange(path, "another order", "another order")]


def _named(items: list[Any], name: str) -> bool:
    names = [item.get(name) for item in items if _object(item)]
    return len(names) == len(items) and all(isinstance(n, str) for n in names) and len(set(names)) == len(names)


def _object(value: Any) -> bool:
    return isinstance(value, Mapping) and "$unknown" not in value and "$secret" not in value


def shown(value: Any) -> str:
    """A value in one short line: an unknown as `<resource.output>`, a secret as `<secret>`."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and "$unknown" in value:
        return f"<{value['$unknown'] or 'unknown'}>"
    if isinstance(value, Mapping) and "$secret" in value:
        return "<secret>"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if "\n" in text:
        return f"text of {text.count(chr(10)) + 1} lines"
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def unknown_within(value: Any) -> bool:
    """Whether a value holds an unknown."""
    if isinstance(value, Mapping):
        return "$unknown" in value or any(map(unknown_within, value.values()))
    return isinstance(value, list) and any(map(unknown_within, value))
