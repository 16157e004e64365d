"""A small server that speaks as much of Prometheus' HTTP API as KEDA asks for."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_ASKED = re.compile(r'(sglang:\w+?)(?:_bucket|_sum|_count)?\{lws="([^"]+)"\}')


@dataclass(slots=True)
class Prometheus:
    """Its address, and what it answers: a value by LeaderWorkerSet and metric. What has none has no result.

    `asked` are the pairs that anybody asked for.
    """

    url: str
    values: dict[tuple[str, str], float] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)

    def answer(self, query: str) -> list[dict[str, object]]:
        """The result of a query: one sample, or none. A query is known by the first series that it names."""
        found = _ASKED.search(query)
        if found is None:
            return []
        key = (found[2], found[1])
        self.asked.add(key)
        return [{"metric": {}, "value": [time.time(), f"{self.values[key]:g}"]}] if key in self.values else []


@contextmanager
def prometheus() -> Generator[Prometheus]:
    """A server on loopback, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
            data = {"resultType": "vector", "result": known.answer(query)}
            body = json.dumps({"status": "success", "data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: every query would be a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Prometheus(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
