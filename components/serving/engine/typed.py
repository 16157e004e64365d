"""Typed settings that stand for engine flags: which flag each is, by release, and which of them are set.

A field of a settings model says its flag beside its type:

    chunked_prefill_size: Annotated[int | None, Flag("--chunked-prefill-size")] = None
    overlap: Annotated[bool | None, Switch(off=("--disable-overlap-schedule",))] = None

Releases rename flags: the names are tried in order, and the first that the release has and does not call deprecated is
written. What a release has under no name is refused by a rule, at the path of the setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from components.rules import join
from components.serving.engine.flags import dashed

if TYPE_CHECKING:
    from components.facts.engines import Engine
    from components.serving.engine.settings import ArgumentValue


class Flag:
    """The flag that a field's value is given to, by its names over the releases, the newest first."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def choices(self, value: ArgumentValue) -> tuple[tuple[str, ArgumentValue], ...]:
        """Every flag with its value that says this, best first."""
        return tuple((name, value) for name in self.names)


@dataclass(frozen=True, slots=True)
class Switch:
    """The flags that a boolean field turns into, `--name` or `--name=value`, the newest first.

    `on` are written for true, `off` for false. A release that has only the one turns the feature on with it, or off;
    without it the feature has the other state already, and nothing is written.
    """

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def choices(self, value: ArgumentValue) -> tuple[tuple[str, ArgumentValue], ...]:
        """Every flag with its value that says this, best first; `False` means that the flag is to be left out."""
        mine, other = (self.on, self.off) if value else (self.off, self.on)
        return (*(_said(text) for text in mine), *((_said(text)[0], False) for text in other))


@dataclass(frozen=True, slots=True)
class Said:
    """A flag as some setting asks for it: `path` is that setting, `choices` its flags with their values, best first.
    A value of False leaves the flag out.
    """

    path: str
    choices: tuple[tuple[str, ArgumentValue], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the flag may have."""
        return tuple(name for name, _ in self.choices)

    def known(self, release: Engine) -> tuple[str, ArgumentValue] | None:
        """The flag and the value that say this in a release, or None where it has no such flag."""
        current = (
            (name, value)
            for name, value in self.choices
            if name in release.flags and not release.flags[name].deprecated
        )
        return next(current, None)


def said(at: str, settings: BaseModel | None) -> Iterator[Said]:
    """Every flag that the fields of `settings`, which stand at the path `at`, ask for; groups within them too."""
    if settings is None:
        return
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        path = join(at, field.alias or to_camel(name))
        flag = next((entry for entry in field.metadata if isinstance(entry, Flag | Switch)), None)
        if flag is not None and value is not None:
            yield Said(path, flag.choices(value))
        elif isinstance(value, BaseModel):
            yield from said(path, value)


def given(arguments: Mapping[str, ArgumentValue]) -> Iterator[Said]:
    """Every flag that `arguments` ask for by name."""
    for name, value in arguments.items():
        yield Said(f"arguments.{name}", ((dashed(name), value),))


def _said(text: str) -> tuple[str, ArgumentValue]:
    name, equals, value = text.partition("=")
    return (name, value) if equals else (name, True)
