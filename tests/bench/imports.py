"""Import the SDK modules that a recorded program uses, and nothing else."""

from __future__ import annotations

import sys

from tests.bench.flat import classes, load

if __name__ == "__main__":
    classes(load(sys.argv[1]))
