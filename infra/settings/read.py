"""Reading raw settings section by section, so that one fault never hides another.

Each section, and each element of a list section, is read on its own. A wrong value is reported, put back to its default
and the rest is read again; what cannot be put back (a required value) takes its section or element out of the reading.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from components.rules import Problem
from infra.settings.explain import Location, closest, explain, path_of
from infra.settings.files import PREFIX
from infra.settings.secrets import masked, without_secrets
from infra.settings.stack import StackSettings


class UnreadSection(Exception):
    """A rule asked for a section that could not be read, so the rule has nothing to say."""


class Unread:
    """Stands for a section that could not be read; whoever looks into it stops."""

    def __getattr__(self, name: str) -> Any:
        raise UnreadSection

    def __iter__(self) -> Iterator[Any]:
        raise UnreadSection

    def __bool__(self) -> bool:
        raise UnreadSection

    def __str__(self) -> str:
        raise UnreadSection

    def __eq__(self, other: object) -> bool:
        raise UnreadSection

    def __hash__(self) -> int:
        raise UnreadSection


class Reading:
    """What one pass over the raw settings found.

    `settings` may hold `Unread` sections; `put_back` are the paths of values that were replaced by their defaults. Of a
    list section `given` is how many elements the user wrote, and `kept` the user's index of each that could be read.
    `robbed` are the sections, or elements of one, that lost a whole part of theirs, of which a required value could not
    be read, with the keys that the user wrote there.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self.put_back: list[str] = []
        self.robbed: dict[str, set[str]] = {}
        self.kept: dict[str, list[int]] = {}
        self.given: dict[str, int] = {}
        sections = {info.alias or name: (name, info) for name, info in StackSettings.model_fields.items()}
        raw, self.problems = without_secrets(raw, set(sections))
        self.put_back += [problem.path for problem in self.problems]
        self.problems += [_unknown_section(str(key), list(sections)) for key in raw if key not in sections]
        values = {name: self._section(alias, info, raw) for alias, (name, info) in sections.items()}
        self.settings = StackSettings.model_construct(**values)

    def index(self, section: str, index: int) -> int:
        """The user's index of the element that is at `index` in `settings`."""
        return self.kept[section][index] if section in self.kept else index

    @property
    def unread(self) -> bool:
        """Whether a section could not be read, so that a rule may stumble over it."""
        return any(isinstance(value, Unread) for value in vars(self.settings).values())

    @property
    def incomplete(self) -> set[str]:
        """List sections of which an element could not be read: rules about others may miss what it would have said."""
        return {section for section, kept in self.kept.items() if kept != list(range(self.given[section]))}

    def is_put_back(self, path: str) -> bool:
        """Whether `path` leads into, or around, a value that the user did not write."""
        return any(path == known or _within(path, known) or _within(known, path) for known in self.put_back)

    def is_misled(self, path: str) -> bool:
        """Whether `path` is where the user wrote nothing, beside a part that could not be read: what is said to be
        missing there may be what that part was for. What a router may have depends on whether phases are apart.
        """
        for at, keys in self.robbed.items():
            part = re.split(r"[.\[]", path[len(at) + 1 :])[0]
            if _within(path, at) and (part not in keys or (part == "router" and "disaggregation" in keys)):
                return True
        return False

    def _section(self, alias: str, info: FieldInfo, raw: Mapping[str, Any]) -> Any:
        if alias not in raw:
            if not info.is_required():
                return info.get_default(call_default_factory=True)
            self._report(alias, "is missing", f"add `{alias}`: {_purpose(info)}", "missing")
            return Unread()
        adapter: TypeAdapter[Any] = TypeAdapter(_whole_type(info))
        element = _element_type(info.annotation)
        if element is None or not isinstance(raw[alias], list) or not raw[alias]:
            read = self._unit(alias, adapter, info.annotation, raw[alias])
            # What is not one of the choices has no likely value: rules would judge a section that nobody wrote.
            return Unread() if self._chose_wrongly(alias) else read
        self._length(alias, adapter, raw[alias])
        reader: TypeAdapter[Any] = TypeAdapter(element)
        read = [self._unit(f"{alias}[{n}]", reader, element, value) for n, value in enumerate(raw[alias])]
        self.given[alias] = len(read)
        self.kept[alias] = [n for n, value in enumerate(read) if not isinstance(value, Unread)]
        return [read[n] for n in self.kept[alias]]

    def _chose_wrongly(self, alias: str) -> bool:
        of_choices = ("settings.enum", "settings.literal-error", "settings.not-built")
        return any(one.rule in of_choices and _within(one.path, alias) for one in self.problems)

    def _length(self, alias: str, adapter: TypeAdapter[Any], raw: list[Any]) -> None:
        try:
            adapter.validate_python(raw)
        except ValidationError as error:
            for fault in error.errors():
                if not fault["loc"]:
                    self._report(alias, *explain(fault, None), str(fault["type"]))

    def _unit(self, at: str, adapter: TypeAdapter[Any], model: Any, raw: Any) -> Any:
        draft, reported = copy.deepcopy(raw), set[str]()
        while True:
            try:
                return adapter.validate_python(draft)
            except ValidationError as error:
                faults = [(path_of(at, fault["loc"]), fault) for fault in error.errors()]
            for path, fault in faults:
                if not any(path == known or _within(path, known) or _within(known, path) for known in reported):
                    self._report(path, *explain(cast("Mapping[str, Any]", fault), model), str(fault["type"]))
                    reported.add(path)
                self.put_back.append(path)
            removed = [_remove(draft, fault["loc"]) for _, fault in reversed(faults)]
            if isinstance(raw, dict) and any(isinstance(raw[key], dict) for key in raw.keys() - draft.keys()):
                self.robbed[at] = {str(key) for key in raw}
            if not any(removed):
                return Unread()

    def _report(self, path: str, message: str, fix: str, kind: str) -> None:
        self.problems.append(Problem(path, message, fix, f"settings.{kind.replace('_', '-')}"))


def _within(path: str, around: str) -> bool:
    return path.startswith((f"{around}.", f"{around}["))


def _remove(draft: Any, location: Location) -> bool:
    """Take out the innermost value along `location` that has a key of its own; False where there is none.

    An element of a list takes the whole list with it, so that the indices of the others stay the user's.
    """
    here, last = draft, None
    for part in location:
        if isinstance(here, dict) and part in here:
            last = (here, part)
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
    if last is None:
        return False
    del last[0][last[1]]
    return True


def _whole_type(info: FieldInfo) -> Any:
    """The type of a section with its constraints, which pydantic keeps apart from the annotation."""
    annotation: Any = info.annotation
    for constraint in info.metadata:
        annotation = Annotated[annotation, constraint]
    return annotation


def _element_type(annotation: Any) -> type[BaseModel] | None:
    match get_args(annotation):
        case (element,) if isinstance(element, type) and issubclass(element, BaseModel):
            return element
    return None


def _purpose(info: FieldInfo) -> str:
    return " ".join((info.description or "it is required").split()).rstrip(".")


def _unknown_section(key: str, known: list[str]) -> Problem:
    if key == "aws:region":
        message = "has no say: every provider is made from `sglang-hyperpod:region`"
        return Problem(key, message, f"remove `{key}`", "settings.region")
    if key.endswith(":"):
        message, fix = f"the file has keys under `{key}`", f"did you mean `{PREFIX}`, as in `{PREFIX}region`?"
        return Problem(key[:-1], message, fix, "settings.prefix")
    shown, near = masked(key), closest(key, known)
    store = f"a secret is stored with `pulumi config set --secret {PREFIX}{shown}`"
    fix = f"{near} If not, {store}" if near.endswith("?") else f"{near}; {store}"
    return Problem(shown, "is not a section of the settings", fix, "settings.extra-forbidden")
