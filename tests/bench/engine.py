"""`python -m tests.bench.engine`: what fifty models cost on the real engine, beside one; time and memory per resource.

Seconds are of the clock, so that other work on the machine counts. The memory is the engine's alone: its peak resident
size at a preview, which needs no process beside it that is larger.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import yaml

from infra.program import main as program
from tests import tools
from tests.bench.settings import with_models
from tests.engine.result import Result
from tests.engine.stack import EngineStack, simulated_providers

MODELS = (1, 50)


def main() -> None:
    """Measure and print; says in one line what is missing where there is no engine."""
    cli = tools.find("pulumi")
    if cli is None:
        print("engine: `make tools` has not built the Pulumi CLI")
        return
    print(f"{'real engine, simulated providers':44}{'resources':>10}{'s':>8}{'ms each':>9}{'MiB':>7}")
    with tempfile.TemporaryDirectory() as temporary, simulated_providers(Path(temporary)) as socket:
        peaks = {}
        for number in MODELS:
            config = yaml.safe_load(with_models(number))
            stack = EngineStack(Path(temporary, str(number)), "dev", config, program, cli=cli, socket=socket)
            resources = _step(stack, "preview", number)
            peaks[number] = (resources, _peak_mib())
            _step(stack, "up", number)
            _step(stack, "preview", number, again=True)
    (few, small), (many, large) = peaks.values()
    print(f"memory per resource at a preview: {1024 * (large - small) / (many - few):.0f} KiB")


def _step(stack: EngineStack, operation: str, models: int, again: bool = False) -> int:
    started = time.monotonic()
    result: Result = getattr(stack, operation)()
    took = time.monotonic() - started
    if not result.ok:
        raise SystemExit(result.errors())
    count = len({step.urn for step in result.steps})
    what = f"{operation}{' without a change' if again else ''}, {models} model{'s' if models > 1 else ''}"
    print(f"{what:44}{count:>10}{took:>8.1f}{1000 * took / count:>9.0f}{_peak_mib():>7.0f}", flush=True)
    return count


def _peak_mib() -> float:
    """The largest child so far, which is the engine: the providers' server is not waited for before the end."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main()
