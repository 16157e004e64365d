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
    """A folder of tests. `needs` are programs of `tests.tools`; `workers` is how many processes share the work, and
    `share` how (`--dist` of pytest-xdist).
    """

    name: str
    folders: tuple[str, ...]
    needs: tuple[str, ...] = ()
    workers: int = 0
    share: str = "loadfile"

    def missing(self) -> list[str]:
        return [name for name in self.needs if tools.find(name) is None]


CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "lws")

TIERS = (
    Tier(
        "unit, whole, contract, golden",
        ("tests/unit", "tests/whole", "tests/contract", "tests/golden"),
        workers=os.cpu_count() or 1,
    ),
    Tier("engine", ("tests/engine",), needs=("pulumi",), workers=2),
    Tier("cluster", ("tests/cluster",), needs=CONTROL_PLANE, workers=2, share="loadgroup"),
    Tier("behaviour", ("tests/behaviour",), needs=("prometheus", "promtool")),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--rest", action="store_true", help="the exhaustive tests, which a plain run leaves out")
    options = parser.parse_args()
    here = [tier for tier in TIERS if not tier.missing()]
    summary = [
        f"{tier.name}: skipped, `make tools` has not built {', '.join(tier.missing())}"
        for tier in TIERS
        if tier not in here
    ]
    failed = False
    for tier in [_exhaustive(here)] if options.rest else here:
        print(f"\n== {tier.name}", flush=True)
        started = time.monotonic()
        command = _command(tier, options.rest)
        code = subprocess.run(command, check=False).returncode
        second = code == pytest.ExitCode.TESTS_FAILED
        if second:
            # Real programs keep time in some tests, which a busy machine may not let them; what is wrong fails again.
            print(f"\n== {tier.name}: what failed, once more", flush=True)
            code = subprocess.run([*command, "--last-failed"], check=False).returncode
        failed = failed or code != 0
        verdict = f"failed ({code})" if code else f"passed{', some tests at the second try only,' if second else ''}"
        summary.append(f"{tier.name}: {verdict} in {time.monotonic() - started:.0f} s")
    print("\n" + "\n".join(summary))
    return 1 if failed else 0


def _exhaustive(tiers: list[Tier]) -> Tier:
    """The exhaustive tests of some tiers: few, long, and most of them in one file."""
    folders = tuple(folder for tier in tiers for folder in tier.folders)
    return Tier("exhaustive", folders, workers=2, share="load")


def _command(tier: Tier, rest: bool) -> list[str]:
    share = ["-n", str(tier.workers), "--dist", tier.share] if tier.workers else []
    return [sys.executable, "-m", "pytest", *tier.folders, *share, *(["-m", "exhaustive"] if rest else [])]


if __name__ == "__main__":
    raise SystemExit(main())
