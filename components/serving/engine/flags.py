"""Flags of one release: looking them up, judging a value, and writing it down as arguments."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Final

from components.rules import Finding

if TYPE_CHECKING:
    from components.facts.engines import Engine, Flag, RouterRelease
    from components.serving.engine.settings import ArgumentValue

    Release = Engine | RouterRelease

_INTEGERS: Final = {"int", "human_readable_int"}
_JSON: Final = {"loads", "json_list_type", "parse_cuda_graph_config_arg"}


def dashed(name: str) -> str:
    """`tp-size` is `--tp-size`."""
    return name if name.startswith("--") else f"--{name}"


def find_flag(release: Release, name: str) -> Flag | None:
    """The flag called `name` (dashes or not, any alias), or None; argparse's abbreviations do not count."""
    return release.flags.get(dashed(name))


def first_known(release: Release, *names: str) -> str:
    """The first of `names` that the release has and does not call deprecated, else the first that it has at all.

    Raises KeyError where it has none.
    """
    known = [name for name in names if name in release.flags]
    if not known:
        raise KeyError(f"SGLang {release.version} has none of {', '.join(names)}")
    return next((name for name in known if not release.flags[name].deprecated), known[0])


def judge(release: Release, name: str, value: ArgumentValue) -> Finding | None:
    """What is wrong with a flag and its value for this release, or None."""
    path, option = f"arguments.{name}", dashed(name)
    flag = find_flag(release, name)
    if flag is None:
        close = difflib.get_close_matches(option, release.flags, n=3, cutoff=0.6)
        return Finding(
            path,
            f"SGLang {release.version} has no flag {option}",
            f"use {' or '.join(close)}" if close else "remove it",
        )
    if isinstance(value, bool) != (not flag.takes_value):
        if flag.takes_value:
            return Finding(path, f"{option} takes a value, not {str(value).lower()}", f"give {_wanted(flag)}")
        return Finding(path, f"{option} is a switch and takes no value, not {value!r}", "use true or false")
    return None if isinstance(value, bool) else _judge_values(path, option, flag, value)


def render(release: Release, name: str, value: ArgumentValue) -> list[str]:
    """The arguments of one flag: nothing for a switch that is off, JSON for a mapping, one argument per list element.

    `$(` is escaped: the kubelet would take it for a variable.
    """
    option, flag = dashed(name), release.flags[dashed(name)]
    if isinstance(value, bool):
        negative = f"--no-{option[2:]}"
        return [option] if value else [negative] if negative in flag.options else []
    if isinstance(value, list) and flag.nargs is not None:
        return [option, *(_text(item) for item in value)]
    text = _text(json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value)
    return [f"{option}={text}"] if text.startswith("-") else [option, text]


def _judge_values(path: str, option: str, flag: Flag, value: ArgumentValue) -> Finding | None:
    if isinstance(value, list) and flag.nargs is None and flag.type not in _JSON:
        return Finding(path, f"{option} takes one value, not {len(value)}", f"give {_wanted(flag)}")
    if isinstance(value, dict):
        takes_json = flag.type in _JSON or (flag.type in {"str", None} and not flag.choices)
        return None if takes_json else Finding(path, f"{option} takes no mapping", f"give {_wanted(flag)}")
    for item in value if isinstance(value, list) else [value]:
        if flag.choices and item not in flag.choices:
            choices = ", ".join(map(str, flag.choices))
            return Finding(path, f"{item!r} is not a choice of {option}", f"use one of {choices}")
        if not _is_typed(flag, item):
            return Finding(path, f"{option} takes {_wanted(flag)}, not {item!r}", f"give {_wanted(flag)}")
    return None


def _is_typed(flag: Flag, item: object) -> bool:
    if flag.type in _INTEGERS:
        return isinstance(item, int) or (flag.type == "human_readable_int" and isinstance(item, str))
    return isinstance(item, int | float) if flag.type == "float" else True


def _wanted(flag: Flag) -> str:
    if flag.choices:
        return f"one of {', '.join(map(str, flag.choices))}"
    if flag.type in _JSON:
        return "JSON"
    return {"int": "a whole number", "human_readable_int": "a whole number", "float": "a number"}.get(
        flag.type or "", "text"
    )


def _text(value: object) -> str:
    return str(value).replace("$(", "$$(")
