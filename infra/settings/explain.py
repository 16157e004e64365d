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
from components.monitoring.receivers import SecretName, SlackSettings
from components.serving.engine.settings import Arguments
from components.serving.entry.settings import EntrySettings
from components.settings import Arn, DnsLabel, Ipv4Cidr, Region, ZoneId
from infra.settings.secrets import masked

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
            return "is missing", f"add {_lacking(fault['loc'], model)}"
        case "extra_forbidden":
            return "is not a known setting", _suggestion(fault["loc"], model)
        case "string_pattern_mismatch":
            return f"{shown} has the wrong form", _form(context["pattern"], str(given))
        case "literal_error" | "enum":
            return f"{shown} is not a choice", f"use {context['expected']}"
        case "dict_type" | "model_type":
            return "is empty" if given is None else f"{shown} does not fit", _mapping(fault["loc"], model)
        case _ if kind in _SHAPES:
            return "is empty" if given is None else f"{shown} does not fit", _SHAPES[kind]
        case "string_type" if given is None:
            return "is empty", "give it a value"
        case "string_type":
            return f"{shown} is not text", f'put it in quotes: "{given}"'
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{shown} is too {'small' if kind.startswith('greater') else 'large'}", f"use {_bound(context)}"
        case "too_short" | "string_too_short" | "too_long" | "string_too_long":
            return _length(kind, context)
        case _ if kind.startswith("date_"):
            return f"{shown} is not a day", 'write a day such as "2026-07-06"'
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
    if pattern == _pattern(get_args(Arguments)[0]):
        return f"write the flag as the engine does, with hyphens, e.g. {_flag(given)}"
    return _FORMS.get(pattern, f"it must match {pattern}")


def _flag(given: str) -> str:
    """The flag that was likely meant, or one that exists."""
    flag = given.strip().lower().replace("_", "-")
    return flag if re.fullmatch(_pattern(get_args(Arguments)[0]), flag) else "chunked-prefill-size"


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
            return masked(repr(given))


def _length(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    unit = " characters" if kind.startswith("string_") else ""
    if kind.endswith("short"):
        return "is too short", f"give at least {context['min_length']}{unit}"
    return "is too long", f"give at most {context['max_length']}{unit}"


def _bound(context: Mapping[str, Any]) -> str:
    """The limit that pydantic names in one of its four ways."""
    words = {"ge": "{} or more", "le": "{} or less", "gt": "more than {}", "lt": "less than {}"}
    return next(text.format(context[name]) for name, text in words.items() if name in context)


def _pattern(kind: Any) -> str:
    """The pattern of a text type such as `ZoneId`."""
    return next(part.pattern for part in get_args(kind) if isinstance(part, StringConstraints))


def _pattern_of(model: type[BaseModel], field: str) -> str:
    """The pattern of a field whose type has no name."""
    info = model.model_fields[field]
    kinds = [info.metadata, *(getattr(part, "__metadata__", ()) for part in get_args(info.annotation))]
    return next(pattern for kind in kinds for part in kind if (pattern := getattr(part, "pattern", None)))


_TRUTH, _WHOLE = "write true or false", "write a whole number"
_SHAPES = {
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
    _pattern(Arn): "use a whole ARN, e.g. a certificate's: "
    "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
    _pattern(SecretName): "write the NAME under which `pulumi config set --secret sglang-hyperpod:NAME` stored it, "
    "e.g. slackUrl",
    _pattern_of(SlackSettings, "channel"): 'write a channel in lower case and in quotes, e.g. "#inference-alerts"',
    _pattern_of(EntrySettings, "host"): "write a host name alone in lower case, e.g. r1.example.com, without https:// "
    "and without a path (that is entry.path)",
    _pattern_of(EntrySettings, "path"): "write a path in lower case that begins with a slash and does not end in one, "
    "e.g. /r1",
}


def closest(name: str, known: list[str]) -> str:
    """The likely intention behind an unknown name, or the names there are."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(sorted(known))}"


def _suggestion(location: Location, model: Any) -> str:
    found = _model_in(_target(location[:-1], model))
    if found is None:
        return f"remove `{location[-1]}`"
    return closest(str(location[-1]), [info.alias or name for name, info in found.model_fields.items()])


def _target(location: Location, model: Any) -> Any:
    """The annotation of what is at `location` of `model`."""
    for part in location:
        model = _inside(model, part)
    return model


def _mapping(location: Location, model: Any) -> str:
    return f"it should be a mapping, e.g. `{_example(_target(location, model))}`"


def _lacking(location: Location, model: Any) -> str:
    """A value that is not there: its key, and what it is for or what a mapping there needs."""
    owner, name = _model_in(_target(location[:-1], model)), str(location[-1])
    fields = owner.model_fields if owner else {}
    info = next((info for key, info in fields.items() if name in (info.alias, key)), None)
    if info is None:
        return f"`{name}`"
    if _model_in(info.annotation):
        return f"`{name}: {_example(info.annotation)}`"
    purpose = " ".join((info.description or "").split()).rstrip(".")
    return f"`{name}`: {purpose}" if purpose else f"`{name}`"


def _example(annotation: Any) -> str:
    """What a mapping of `annotation` may look like: all that it needs, or else one of its keys."""
    found = _model_in(annotation)
    if found is None:
        return "{key: value}"
    fields = {info.alias or name: info for name, info in found.model_fields.items()}
    shown = [name for name, info in fields.items() if info.is_required()] or [
        "enabled" if "enabled" in fields else next(iter(fields))
    ]
    return "{" + ", ".join(f"{name}: {_sample(fields[name].annotation)}" for name in shown) + "}"


def _sample(annotation: Any) -> str:
    """A value of the plain types; for others an ellipsis, since a guess would be copied."""
    return {bool: "true", int: "1", float: "50"}.get(annotation, "…")


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
