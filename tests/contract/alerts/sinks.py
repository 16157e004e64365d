"""The real Alertmanager on loopback, with everybody it tells played by one small server."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import yaml

from components.monitoring.alertmanager import SECRET_FOLDER, config, secret_files
from components.monitoring.receivers import AlertmanagerSettings
from tests.cluster.processes import Processes, free_ports


@dataclass
class Sinks:
    """What arrived, by path."""

    port: int = 0
    messages: list[tuple[str, Any]] = field(default_factory=list)

    def at(self, path: str) -> list[Any]:
        """The messages to a path, in the order in which they came."""
        return [body for to, body in self.messages if to == path]

    def wait(self, path: str, number: int, seconds: float = 20) -> list[Any]:
        """The messages to a path, once so many are there; AssertionError where they do not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(self.at(path)) >= number:
                return self.at(path)
            time.sleep(0.05)
        raise AssertionError(f"{path} has {len(self.at(path))} of {number} messages: {self.messages}")

    def wait_for(self, path: str, holds: Callable[[Any], bool], seconds: float) -> Any:
        """The first message to a path that is as it should be, once it is there; AssertionError where none comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := [body for body in self.at(path) if holds(body)]:
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"{path} has no such message: {self.messages}")


@dataclass
class Alertmanager:
    """A running one: `post` sends alerts as Prometheus does."""

    address: str
    sinks: Sinks

    def post(self, *alerts: dict[str, str], resolved: bool = False) -> None:
        """Alerts by their labels; annotations are made up."""
        now = datetime.now(UTC)
        ends = now - timedelta(seconds=1) if resolved else now + timedelta(hours=1)
        body = [
            {
                "labels": labels,
                "annotations": {"summary": f"{labels['alertname']} happened", "description": "so it is"},
                "startsAt": (now - timedelta(seconds=2 * resolved)).isoformat(),
                "endsAt": ends.isoformat(),
            }
            for labels in alerts
        ]
        content = {"content-type": "application/json"}
        with urlopen(Request(f"{self.address}/api/v2/alerts", json.dumps(body).encode(), content), timeout=10):
            pass


def _handler(sinks: Sinks) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = "form-urlencoded" in self.headers["content-type"]
            sinks.messages.append((self.path, parse_qs(body) if form else json.loads(body)))
            published = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
            self.send_response(202 if "pagerduty" in self.path else 200)
            self.end_headers()
            self.wfile.write(published if form else b"ok")

    return Handler


@contextmanager
def listening() -> Generator[Sinks]:
    """The server that plays Slack, PagerDuty, SNS and the heartbeat."""
    sinks = Sinks()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(sinks))
    sinks.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sinks
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(program: Path, folder: Path, settings: AlertmanagerSettings) -> Generator[Alertmanager]:
    """Alertmanager with the rendered configuration; only waits and foreign addresses are replaced."""
    with listening() as sinks:
        base = f"http://127.0.0.1:{sinks.port}"
        for name in secret_files(settings):
            (folder / name).write_text("key" if name == "pager" else f"{base}/{name}")
        rendered = json.dumps(config(settings, cluster_name="test")).replace(SECRET_FOLDER, str(folder))
        content = json.loads(rendered.replace('"30s"', '"1s"').replace('"5m"', '"2s"'))
        content["global"]["pagerduty_url"] = f"{base}/pagerduty"
        for receiver in content["receivers"]:
            for topic in receiver.get("sns_configs", []):
                topic["api_url"] = f"{base}/sns"
        file = folder / "alertmanager.yaml"
        file.write_text(yaml.safe_dump(content))
        with _process(program, file, folder) as address:
            yield Alertmanager(address, sinks)


@contextmanager
def _process(program: Path, file: Path, folder: Path) -> Generator[str]:
    (port,) = free_ports(1)
    options = [f"--config.file={file}", f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    # A bundle of certificates that the machine may set keeps the AWS SDK from using Alertmanager's own client.
    around = dict.fromkeys((name for name in os.environ if name.startswith("AWS_")), "")
    around |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    processes = Processes(folder)
    processes.start("alertmanager", [program, *options, "--cluster.listen-address="], around)
    try:
        processes.wait_for(f"http://127.0.0.1:{port}/-/ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        processes.stop_all()
