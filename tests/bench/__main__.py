"""`python -m tests.bench`: what a preview costs beside the least that it could cost.

Own work is the processor time of a process less that of one which only imports the SDK modules that the program uses.
Each figure is the best of several runs, so that what else the machine does counts little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.settings import with_models

RUNS = 3
MODELS = (1, 10, 50, 200)


@dataclass(frozen=True)
class Figure:
    """Wall clock and processor seconds, and peak resident memory in MiB, of one process."""

    wall: float
    seconds: float
    mib: float


def measure(*arguments: str, runs: int = RUNS) -> Figure:
    """The best of several runs of this Python with `arguments`."""
    figures = [_once(arguments) for _ in range(runs)]
    return Figure(*(min(getattr(figure, name) for figure in figures) for name in ("wall", "seconds", "mib")))


def _once(arguments: Sequence[str]) -> Figure:
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return Figure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def preview(*arguments: str) -> tuple[str, ...]:
    """The command line of a preview, as arguments of Python."""
    return "-c", "from infra.cli.main import app; app()", "preview", *arguments


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder, "prod.json")
        subprocess.run([sys.executable, *preview("--stack", "prod", "--json", str(recorded))], check=True, stdout=-3)
        imports = measure("-m", "tests.bench.imports", str(recorded))
        flat = measure("-m", "tests.bench.flat", str(recorded))
        prod = measure(*preview("--stack", "prod"))
        resources = len(json.loads(recorded.read_text())["resources"])
        print(f"{'':44}{'wall s':>9}{'CPU s':>9}{'own s':>9}{'MiB':>7}")
        _line("importing the SDK modules", imports, imports)
        _line(f"registering the same {resources} resources flat", flat, imports)
        _line("preview of prod", prod, imports)
        own = (prod.seconds - imports.seconds) / (flat.seconds - imports.seconds)
        print(f"preview / flat: own work {own:.2f} (at most 1.15), memory {prod.mib / flat.mib:.2f} (at most 1.25)\n")
        _models(Path(folder), imports)


def _models(folder: Path, imports: Figure) -> None:
    figures: dict[int, Figure] = {}
    for number in MODELS:
        config = folder / f"{number}-models.yaml"
        config.write_text(with_models(number))
        figures[number] = measure(*preview("--config", str(config)), runs=RUNS if number < 50 else 1)
        _line(f"preview with {number} models", figures[number], imports)
    each = {number: (figures[number].seconds - figures[1].seconds) / (number - 1) for number in MODELS[1:]}
    print(", ".join(f"{1000 * seconds:.0f} ms per model at {number}" for number, seconds in each.items()))
    print(f"at {MODELS[-1]} / at {MODELS[1]}: {each[MODELS[-1]] / each[MODELS[1]]:.2f} (at most 1.20)")


def _line(what: str, figure: Figure, imports: Figure) -> None:
    print(
        f"{what:44}{figure.wall:9.2f}{figure.seconds:9.2f}{figure.seconds - imports.seconds:9.2f}{figure.mib:7.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
