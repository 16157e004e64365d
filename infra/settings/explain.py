"""Pydantic's errors in the words of the user: the path as written, what is wrong, what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from pydantic import BaseModel, StringConstraints

from components.aws.nodes.settings import InstanceType
from components.facts.instances import UnknownInstance, instance
from components.settings import DnsLabel, Ipv4Cidr, Region, ZoneId

Location = tuple[str | int, ...]


def path_of(at: str, location: Location) -> str:
    """`("parallelism", "tensor")` at `models[1]` is `models[1].parallelism.tensor`.

    Pydantic also names the branch of a union it tried and marks a bad key with `[key]`; the user wrote neither.
    """
    path = at
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif (part.isidentifier() and not part[0].isupper() and part not in _BRANCHES) or _is_key(part):
            path += f".{part}"
    return path


def _is_key(part: str) -> bool:
    """Whether it can only be a key that the user wrote: of a label, a file, a zone."""
    return "/" in part or "." in part or re.fullmatch(_pattern(ZoneId), part) is not None


_BRANCHES = {"str", "int", "float", "bool", "dict", "list"}


def explain(fault: Mapping[str, Any], model: Any) -> tuple[str, str]:
    """What is wrong and what would be right; `fault` is one of pydantic's errors, `model` what was read."""
    kind, given, context = fault["type"], fault.get("input"), fault.get("ctx", {})
    shown = _shown(given)
    match kind:
        case "missing":
            return "is missing", "add it"
        case "extra_forbidden":
            return "is not a known setting", _suggestion(fault["loc"], model)
        case "string_pattern_mismatch":
            return f"{shown} has the wrong form", _form(context["pattern"], str(given))
        case "literal_error" | "enum":
            return f"{shown} is not a choice", f"use {context['expected']}"
        case _ if kind in _SHAPES:
            return "is empty" if given is None else f"{shown} does not fit", _SHAPES[kind]
        case "string_type" if given is None:
            return "is empty", "give it a value"
        case "string_type":
            return f"{shown} is not text", f'put it in quotes: "{given}"'
        case "greater_than_equal" | "greater_than":
            return f"{shown} is too small", f"use {_bound(context)}"
        case "less_than_equal" | "less_than":
            return f"{shown} is too large", f"use {_bound(context)}"
        case "too_short" | "string_too_short":
            return "is too short", f"give at least {context['min_length']}"
        case "too_long" | "string_too_long":
            return "is too long", f"give at most {context['max_length']}"
        case _:
            message = str(fault["msg"]).removeprefix("Value error, ")
            own, _, remedy = message.partition("; ")
            # A validator of ours says what is wrong and what would be right.
            return (own, remedy) if remedy else (f"{shown} does not fit", message[:1].lower() + message[1:])


def _form(pattern: str, given: str) -> str:
    """What has the right form: for a slip in an instance type those that are most like it."""
    if pattern == _pattern(InstanceType):
        likely = given.strip().lower()
        try:
            instance(likely)
        except UnknownInstance as unknown:
            if unknown.close:
                return f"did you mean {' or '.join(unknown.close)}?"
        else:
            return f"did you mean {likely}?"
    return _FORMS.get(pattern, f"it must match {pattern}")


def _shown(given: Any) -> str:
    """The value as the user wrote it, or what it is where it is long."""
    match given:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case date():
            return f"the date {given}"
        case _:
            return repr(given)


def _bound(context: Mapping[str, Any]) -> str:
    """The limit that pydantic names in one of its four ways."""
    words = {"ge": "{} or more", "le": "{} or less", "gt": "more than {}", "lt": "less than {}"}
    return next(text.format(context[name]) for name, text in words.items() if name in context)


def _pattern(kind: Any) -> str:
    """The pattern of a text type such as `ZoneId`."""
    return next(part.pattern for part in get_args(kind) if isinstance(part, StringConstraints))


_MAPPING, _TRUTH, _WHOLE = "it should be a mapping, `key: value`", "write true or false", "write a whole number"
_SHAPES = {
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "list_type": "it should be a list, each element behind a `-`",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
}
_FORMS = {
    _pattern(ZoneId): "use a zone id such as use1-az6; `aws ec2 describe-availability-zones` tells it for a zone name",
    _pattern(Region): "use a region such as us-east-1",
    _pattern(Ipv4Cidr): "use a network such as 203.0.113.0/24; a single address ends in /32",
    _pattern(DnsLabel): "use lower-case letters, digits and hyphens, with a letter first and no hyphen last",
}


def closest(name: str, known: list[str]) -> str:
    """The likely intention behind an unknown name, or the names there are."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(sorted(known))}"


def _suggestion(location: Location, model: Any) -> str:
    for part in location[:-1]:
        model = _inside(model, part)
    found = _model_in(model)
    if found is None:
        return f"remove `{location[-1]}`"
    return closest(str(location[-1]), [info.alias or name for name, info in found.model_fields.items()])


def _inside(model: Any, part: str | int) -> Any:
    found = _model_in(model)
    if found is not None and isinstance(part, str):
        for name, info in found.model_fields.items():
            if part in (info.alias, name):
                return info.annotation
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in `X`, `X | None`, `list[X]` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if (found := _model_in(argument)) is not None:
            return found
    return None
