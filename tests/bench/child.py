"""One measured process: `python -m tests.bench.child imports|mocks|flat|preview RECORDED [ARGUMENTS]`.

It prints processor seconds as JSON: for importing the SDK modules that the recorded program uses, for importing what
the work needs beside them, and for the work itself.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Sequence

from tests.bench.flat import classes, load, register, register_with_mocks

_PREVIEW = (
    "components.facts.dense_models",
    "components.facts.moe_models",
    "infra.cli.main",
    "infra.program",
    "infra.report.model",
    "infra.report.problems",
    "infra.report.text",
    "rich.status",
    "infra.offline.engine",
)


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds that `work` takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _import(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)


def _preview(arguments: Sequence[str]) -> None:
    from infra.cli.main import app

    with contextlib.redirect_stdout(io.StringIO()):
        app(["preview", *arguments], standalone_mode=False)


def main() -> None:
    """Measure what the arguments say."""
    what, path, *arguments = sys.argv[1:]
    resources = load(path)
    figures = {"sdk": seconds(lambda: classes(resources)), "rest": 0.0, "work": 0.0}
    if what == "flat":
        from infra.offline import record

        figures["rest"] = seconds(lambda: _import(["infra.offline.engine"]))
        figures["work"] = seconds(lambda: record(lambda: register(resources), stack="prod"))
    elif what == "mocks":
        figures["work"] = seconds(lambda: register_with_mocks(resources))
    elif what == "preview":
        figures["rest"] = seconds(lambda: _import(_PREVIEW))
        figures["work"] = seconds(lambda: _preview(arguments))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
