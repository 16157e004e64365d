"""`python -m tests [--rest]`: every tier whose tools are there, one after the other, and what ran of them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from tests import tools


@dataclass(frozen=True)
class Tier:
    """A folder of tests. `needs` are programs of `tests.tools`; `workers` is how many processes share the work."""

    name: str
    folders: tuple[str, ...]
    needs: tuple[str, ...] = ()
    workers: int = 0

    def missing(self) -> list[str]:
        return [name for name in self.needs if tools.find(name) is None]


CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "lws")

TIERS = (
    Tier("unit, contract, golden", ("tests/unit", "tests/contract", "tests/golden"), workers=os.cpu_count() or 1),
    Tier("engine", ("tests/engine",), needs=("pulumi",), workers=2),
    Tier("cluster", ("tests/cluster",), needs=CONTROL_PLANE),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--rest", action="store_true", help="the exhaustive tests, which a plain run leaves out")
    options = parser.parse_args()
    summary, failed = [], False
    for tier in TIERS:
        if missing := tier.missing():
            summary.append(f"{tier.name}: skipped, `make tools` has not built {', '.join(missing)}")
            continue
        print(f"\n== {tier.name}", flush=True)
        started = time.monotonic()
        code = subprocess.run(_command(tier, options.rest), check=False).returncode
        nothing = code == pytest.ExitCode.NO_TESTS_COLLECTED and options.rest
        failed = failed or not (code == 0 or nothing)
        verdict = "has no exhaustive tests" if nothing else "passed" if code == 0 else f"failed ({code})"
        summary.append(f"{tier.name}: {verdict} in {time.monotonic() - started:.0f} s")
    print("\n" + "\n".join(summary))
    return 1 if failed else 0


def _command(tier: Tier, rest: bool) -> list[str]:
    # The exhaustive tests of a tier are few, long, and in one file.
    share = ["-n", str(tier.workers), "--dist", "load" if rest else "loadfile"] if tier.workers else []
    return [sys.executable, "-m", "pytest", *tier.folders, *share, *(["-m", "exhaustive"] if rest else [])]


if __name__ == "__main__":
    raise SystemExit(main())
