"""The flags and metrics of one SGLang release, read from the data files beside this module.

`flags-<version>.json` and `router-flags-0.3.2.json` hold the options of the real argument parsers of the wheels
(`sglang.launch_server`, `sglang_router.launch_router`), one per line, with what is empty or default left out;
`metrics-<version>.json` holds every `sglang:` collector that the wheel's source constructs, found by its syntax tree.
`environment-<version>.json` holds every `SGLANG_` and `SGL_` variable that the wheel's source reads (the fields of
`sglang/srt/environ.py`, and names that other modules of the engine hand to `os.environ` or a `get_*_env_var`), with the
type that it is parsed as, and what took the place of those that the release only warns about.
A file is parsed when its release is first asked for, and once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from components.facts.engines.versions import SUPPORTED

_DATA: Final = Path(__file__).parent
ROUTER_VERSION: Final = "0.3.2"
"""The release of `sglang-router` whose flags are known."""

OWNER_LABELS: Final = {
    "scheduler": ("model_name", "engine_type", "tp_rank", "pp_rank", "moe_ep_rank", "dp_rank"),
    "tokenizer": ("model_name",),
    "encoder": ("model_name",),
    "dispatcher": ("model_name", "dp_rank"),
}
"""Labels that every series of an owner carries; dp_rank only under data parallelism (scheduler_metrics_mixin.py)."""


class UnsupportedEngine(ValueError):
    """The release has no data here."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One option of a parser, in the words of argparse.

    `options` are its spellings (`--tp-size`, `--tensor-parallel-size`), the canonical one first. `action` is the name
    of the argparse action; `StoreTrueAction` takes no value. `type` is the name of the parser's conversion function.
    """

    options: tuple[str, ...]
    dest: str
    action: str
    nargs: int | str | None
    type: str | None
    choices: tuple[Any, ...] | None
    default: Any

    @property
    def option(self) -> str:
        """The canonical spelling."""
        return self.options[0]

    @property
    def takes_value(self) -> bool:
        """Whether a value follows the option."""
        return self.action in _VALUE_ACTIONS

    @property
    def deprecated(self) -> bool:
        """Whether the parser only keeps the option to warn about it."""
        return self.action.startswith("Deprecated")


_VALUE_ACTIONS: Final = frozenset({"StoreAction", "AppendAction", "LoRAPathAction", "DeprecatedAliasStoreAction"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One Prometheus series family of the engine, by the name that a scrape shows (counters end in `_total`)."""

    name: str
    kind: str
    labels: tuple[str, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """Every series name that a scrape holds for it."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{suffix}" for suffix in ("bucket", "sum", "count"))
        if self.kind == "summary":
            return tuple(f"{self.name}_{suffix}" for suffix in ("sum", "count"))
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable that the engine reads. `kind` is `bool`, `int`, `float` or None for text; `replaced` is
    the variable or flag that took its place, empty where nothing did, None where it is current.
    """

    name: str
    kind: str | None
    replaced: str | None


@dataclass(frozen=True)
class Engine:
    """One release. Its data is read on first use."""

    version: str

    @cached_property
    def flags(self) -> dict[str, Flag]:
        """Every option of `sglang.launch_server` by each of its spellings."""
        return _flags(f"flags-{self.version}.json")

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Every metric by its scraped name; `sglang:num_running_reqs`."""
        rows = json.loads((_DATA / f"metrics-{self.version}.json").read_text())
        return {row["name"]: _metric(row) for row in rows}

    @cached_property
    def variables(self) -> dict[str, Variable]:
        """Every environment variable of its own by name; `SGLANG_ENABLE_JIT_DEEPGEMM`."""
        rows = json.loads((_DATA / f"environment-{self.version}.json").read_text())
        return {row["name"]: Variable(row["name"], row.get("kind"), row.get("replaced")) for row in rows}

    @cached_property
    def series(self) -> frozenset[str]:
        """Every series name that a scrape of the engine can hold."""
        return frozenset(name for metric in self.metrics.values() for name in metric.series)


@cache
def engine(version: str) -> Engine:
    """The release; raises `UnsupportedEngine` for one without data."""
    if version not in SUPPORTED:
        raise UnsupportedEngine(f"SGLang {version} is not supported; supported are {', '.join(SUPPORTED)}")
    return Engine(version)


@dataclass(frozen=True)
class RouterRelease:
    """The router's release, as far as its flags go; `version` is what messages call it after `SGLang`."""

    version: str = f"router {ROUTER_VERSION}"

    @cached_property
    def flags(self) -> dict[str, Flag]:
        """Every option by each of its spellings."""
        return router_flags()


@cache
def router_flags() -> dict[str, Flag]:
    """Every option of `sglang_router.launch_router` 0.3.2 by each of its spellings."""
    return _flags(f"router-flags-{ROUTER_VERSION}.json")


def _flags(name: str) -> dict[str, Flag]:
    rows = (_flag(row) for row in json.loads((_DATA / name).read_text()))
    return {option: flag for flag in rows for option in flag.options}


def _flag(row: dict[str, Any]) -> Flag:
    choices = row.get("choices")
    return Flag(
        options=tuple(row["flags"]),
        dest=row["dest"],
        action=row.get("action", "StoreAction"),
        nargs=row.get("nargs"),
        type=row.get("type"),
        choices=tuple(choices) if choices is not None else None,
        default=row.get("default"),
    )


def _metric(row: dict[str, Any]) -> Metric:
    common = OWNER_LABELS[row["owner"]] if "owner" in row else ()
    return Metric(row["name"], row["kind"], (*common, *row.get("labels", ())))
