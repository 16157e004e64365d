"""`python -m tests.bench`: what a preview costs beside the least that it could cost.

Times are processor seconds; each figure is the best of several runs, so that what else the machine does counts little.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.flat import load
from tests.bench.settings import with_models

RUNS = 5
MODELS = (1, 10, 50, 200)


@dataclass(frozen=True)
class Figure:
    """Processor seconds of importing the SDK, of importing the rest, of the work; peak resident memory in MiB."""

    sdk: float
    rest: float
    work: float
    mib: float


def measure(*arguments: str, runs: int = RUNS) -> Figure:
    """The best of several runs of `tests.bench.child`, each figure for itself."""
    figures = [_once(*arguments) for _ in range(runs)]
    return Figure(*(min(getattr(figure, name) for figure in figures) for name in ("sdk", "rest", "work", "mib")))


def _once(*arguments: str) -> Figure:
    command = [sys.executable, "-m", "tests.bench.child", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return Figure(**json.loads(output), mib=usage.ru_maxrss / 1024)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = str(Path(folder, "prod.json"))
        preview = [sys.executable, "-c", "from infra.cli.main import app; app()", "preview", "--stack", "prod"]
        subprocess.run([*preview, "--json", recorded], check=True, stdout=subprocess.DEVNULL)
        resources = len(load(recorded))
        print(f"{'CPU seconds, MiB':44}{'SDK':>8}{'imports':>9}{'work':>8}{'peak':>7}")
        _print("importing the SDK modules", measure("imports", recorded))
        mocks = measure("mocks", recorded)
        _print(f"{resources} resources flat, mocks of the SDK", mocks)
        flat = measure("flat", recorded)
        _print(f"{resources} resources flat, offline engine", flat)
        prod = measure("preview", recorded, "--stack", "prod")
        _print("preview of prod", prod)
        for name, least in (("mocks of the SDK", mocks), ("offline engine", flat)):
            ratios = (
                f"work {prod.work / least.work:.2f} (at most 1.15), memory {prod.mib / least.mib:.2f} (at most 1.25)"
            )
            print(f"preview / flat with the {name}: {ratios}")
        print()
        _models(Path(folder), recorded)


def _models(folder: Path, recorded: str) -> None:
    work: dict[int, float] = {}
    for number in MODELS:
        config = folder / f"{number}-models.yaml"
        config.write_text(with_models(number))
        figure = measure("preview", recorded, "--config", str(config), runs=RUNS if number < 50 else 2)
        _print(f"preview with {number} model{'s' if number > 1 else ''}", figure)
        work[number] = figure.work
    each = {number: (work[number] - work[1]) / (number - 1) for number in MODELS[1:]}
    print(", ".join(f"{1000 * seconds:.1f} ms per model at {number}" for number, seconds in each.items()))
    print(f"per model at {MODELS[-1]} / at {MODELS[1]}: {each[MODELS[-1]] / each[MODELS[1]]:.2f} (at most 1.20)")


def _print(what: str, figure: Figure) -> None:
    print(f"{what:44}{figure.sdk:8.2f}{figure.rest:9.2f}{figure.work:8.2f}{figure.mib:7.0f}", flush=True)


if __name__ == "__main__":
    main()
