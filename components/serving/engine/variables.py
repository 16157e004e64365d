"""Environment variables of one release: which there are, and how the engine reads their values."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from components.facts.engines import SUPPORTED, engine
from components.rules import Finding

if TYPE_CHECKING:
    from components.facts.engines import Engine

_OWN_PREFIXES: Final = ("SGLANG_", "SGL_")
_ON: Final = ("true", "1", "yes", "y")
_SWITCH: Final = (*_ON, "false", "0", "no", "n")
_TYPES: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
}


def unknown(release: Engine, variables: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for every variable of the engine's own that the release does not read."""
    for name in variables:
        if not name.startswith(_OWN_PREFIXES) or name in release.variables or successor(release, name):
            continue
        others = [version for version in SUPPORTED if name in engine(version).variables]
        close = difflib.get_close_matches(name, release.variables, n=2, cutoff=0.8)
        where = f", SGLang {' and '.join(others)} do" if others else ""
        fix = f"did you mean {' or '.join(close)}? Else remove it" if close else "remove it"
        yield Finding(f"environment.{name}", f"SGLang {release.version} does not read {name}{where}", fix)


def misread(release: Engine, variables: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for every value that the engine would not take: it warns in its log and uses the default instead."""
    for name, value in variables.items():
        known = release.variables.get(successor(release, name) or name)
        wanted = _not_taken(known.kind, value) if known and known.kind else None
        if wanted:
            yield Finding(
                f"environment.{name}", f"{name} is {value!r}, which SGLang does not take", f"give {wanted} in quotes"
            )


def replaced(release: Engine, variables: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for every variable that the release only keeps to warn of it."""
    for name in variables:
        known = release.variables.get(name)
        after = successor(release, name)
        if after or (known and known.replaced is not None):
            fix = f"use {after}" if after else f"use {known.replaced}" if known and known.replaced else "remove it"
            yield Finding(f"environment.{name}", f"{name} is an old name in SGLang {release.version}", fix)


def successor(release: Engine, name: str) -> str | None:
    """What `SGL_...` became: every release copies it to `SGLANG_...`, unless it reads the old name itself."""
    new = f"SGLANG_{name.removeprefix('SGL_')}"
    return new if name.startswith("SGL_") and name not in release.variables and new in release.variables else None


def switched_on(variables: Mapping[str, str], name: str) -> bool:
    """Whether a switch is set, by this name or the old one with `SGL_`."""
    value = variables.get(name, variables.get(name.replace("SGLANG_", "SGL_", 1), ""))
    return value.lower() in _ON


def _not_taken(kind: str, value: str) -> str | None:
    """What the value would have to be, or None where it is that (`EnvBool`, `EnvInt`, `EnvFloat` of environ.py)."""
    if kind == "bool":
        return None if value.lower() in _SWITCH else "true or false"
    parse, wanted = _TYPES[kind]
    try:
        parse(value)
    except ValueError:
        return wanted
    return None
