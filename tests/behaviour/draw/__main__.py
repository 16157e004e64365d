"""`python -m tests.behaviour.draw [--out DIR] [--png]`: draw every dashboard from the played stack's history."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from components.monitoring.dashboards.catalogue import dashboards
from components.monitoring.dashboards.grafana import to_json
from infra.report.picture.png import png
from tests.behaviour.draw import evaluate, page
from tests.behaviour.history import record
from tests.behaviour.server import prometheus
from tests.behaviour.stack import parts
from tests.behaviour.world import World


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.behaviour.draw", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/dashboards"), help="where the pictures go")
    parser.add_argument("--png", action="store_true", help="write PNG instead of SVG")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phases = record(folder / "data", World())
        start, end = phases["load"][0] + 240, phases["recovery"][1]
        with prometheus(folder) as server:
            for board in dashboards(parts()):
                model = to_json(board)
                picture = page(model, *evaluate(model, server, start, end))
                file = options.out / f"{board.uid}{'.png' if options.png else '.svg'}"
                file.write_bytes(png(picture) if options.png else picture.encode())
                print(f"{file}: {file.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
