"""Every target of the played stack on one port of loopback, in real time."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.behaviour.world import Conditions, Target, World

STEP_SECONDS = 0.2
"""The world moves this often: thirty targets are scraped four times a second, and a step takes some milliseconds."""
PATH_LABEL = "__metrics_path__"
HONOR_LABEL = "__meta_honor_labels"
"""`honor_labels` belongs to a scrape job: each of the two jobs keeps the targets that are its own."""


class Exporter:
    """Plays a world while it is scraped. `address` is `host:port`; Prometheus finds the targets at `discovery`."""

    def __init__(self, world: World) -> None:
        self._world, self._lock, self._last = world, threading.Lock(), time.monotonic()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.discovery = f"http://{self.address}/targets"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def play(self, conditions: Conditions) -> None:
        """From now on, these hold."""
        with self._lock:
            self._advance()
            self._world.conditions = conditions
            self._advance(shortest=1e-3)

    def page(self, path: str) -> str | None:
        """What is at a path: the targets, or the metrics of one; None where it does not answer."""
        with self._lock:
            self._advance()
            targets = {_path(target): target for target in self._world.targets}
            if path == "/targets":
                return json.dumps([self._found(at, target) for at, target in targets.items()])
            target = targets.get(path)
            return target.exposition() if target is not None and target.up else None

    def _found(self, path: str, target: Target) -> dict[str, object]:
        honor = {HONOR_LABEL: "true" if target.honor_labels else "false"}
        return {"targets": [self.address], "labels": {**target.labels, PATH_LABEL: path, **honor}}

    def _advance(self, shortest: float = STEP_SECONDS) -> None:
        passed = max(1e-3, time.monotonic() - self._last)
        if passed >= shortest:
            self._world.step(passed)
            self._last += passed

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                page = exporter.page(self.path)
                body = (page or "").encode()
                self.send_response(503 if page is None else 200)
                kind = "application/json" if self.path == "/targets" else "text/plain; version=0.0.4"
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                with contextlib.suppress(ConnectionError):  # Prometheus hangs up when it ends, or has waited enough
                    self.end_headers()
                    self.wfile.write(body)

        return Handler


@contextmanager
def exporting(world: World) -> Generator[Exporter]:
    """An exporter that ends with the block."""
    exporter = Exporter(world)
    try:
        yield exporter
    finally:
        exporter.close()


def _path(target: Target) -> str:
    return f"/{target.labels['job']}/{target.labels['instance']}"
