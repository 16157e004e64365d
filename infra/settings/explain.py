"""Pydantic's errors in the words of the user: the path as written, what is wrong, what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

Location = tuple[str | int, ...]


def path_of(at: str, location: Location) -> str:
    """`("parallelism", "tensor")` at `models[1]` is `models[1].parallelism.tensor`.

    Pydantic also names the branch of a union it tried and marks a bad key with `[key]`; the user wrote neither.
    """
    path = at
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif (part.isidentifier() and not part[0].isupper() and part not in _BRANCHES) or "/" in part or "." in part:
            path += f".{part}"
    return path


_BRANCHES = {"str", "int", "float", "bool", "dict", "list"}


def explain(fault: Mapping[str, Any], model: Any) -> tuple[str, str]:
    """What is wrong and what would be right; `fault` is one of pydantic's errors, `model` what was read."""
    kind, given, context = fault["type"], fault.get("input"), fault.get("ctx", {})
    shown = "a mapping" if isinstance(given, dict) else "a list" if isinstance(given, list) else repr(given)
    match kind:
        case "missing":
            return "is missing", "add it"
        case "extra_forbidden":
            return "is not a known setting", _suggestion(fault["loc"], model)
        case "string_pattern_mismatch":
            return f"{shown} has the wrong form", f"it must match {context['pattern']}"
        case "literal_error" | "enum":
            return f"{shown} is not a choice", f"use {context['expected']}"
        case "string_type":
            return f"{shown} is not text", f'put it in quotes: "{given}"'
        case "greater_than_equal":
            return f"{shown} is too small", f"use {context['ge']} or more"
        case "less_than_equal":
            return f"{shown} is too large", f"use {context['le']} or less"
        case "greater_than":
            return f"{shown} is too small", f"use more than {context['gt']}"
        case "less_than":
            return f"{shown} is too large", f"use less than {context['lt']}"
        case "too_short" | "string_too_short":
            return "is too short", f"give at least {context['min_length']}"
        case "too_long" | "string_too_long":
            return "is too long", f"give at most {context['max_length']}"
        case _:
            message = str(fault["msg"]).removeprefix("Value error, ")
            return f"{shown} does not fit", message[:1].lower() + message[1:]


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
