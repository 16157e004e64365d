"""Serves the counters of a node's EFA interfaces to Prometheus. Runs by itself in a container: standard library only.

The kernel's efa driver keeps them in `/sys/class/infiniband/<device>/ports/<port>/hw_counters` (torvalds/linux
drivers/infiniband/hw/efa/efa_verbs.c, `EFA_DEFINE_PORT_STATS`). Names, labels and kind are those of AWS's EFA node
exporter (awslabs/awsome-distributed-ai 4.validation_and_observability/3.efa-node-exporter), so that dashboards do not
care who exports. Two things are left out: `lifespan`, which that one counts too, is the age of the driver's cache, and
of the state and rate of a port the driver tells nothing: it is always ACTIVE.

A value is passed on as the kernel tells it. One that begins anew with the driver is a reset, as Prometheus expects of a
counter.
"""

from __future__ import annotations

import argparse
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

AMAZON = "0x1d0f"
"""Amazon's PCI vendor id; its EFA interfaces are bound to the driver `efa`."""
DRIVER = "efa"
COUNTERS = {
    "tx_bytes": "Bytes sent.",
    "tx_pkts": "Packets sent.",
    "rx_bytes": "Bytes received.",
    "rx_pkts": "Packets received.",
    "rx_drops": "Packets received and dropped.",
    "send_bytes": "Bytes sent by send requests.",
    "send_wrs": "Send requests.",
    "recv_bytes": "Bytes received by receive requests.",
    "recv_wrs": "Receive requests.",
    "rdma_read_wrs": "RDMA read requests completed.",
    "rdma_read_bytes": "Bytes received by RDMA reads.",
    "rdma_read_wr_err": "RDMA read requests that failed.",
    "rdma_read_resp_bytes": "Bytes sent in answer to RDMA reads.",
    "rdma_write_wrs": "RDMA write requests completed.",
    "rdma_write_bytes": "Bytes sent by RDMA writes.",
    "rdma_write_wr_err": "RDMA write requests that failed.",
    "rdma_write_recv_bytes": "Bytes received by RDMA writes.",
    "retrans_bytes": "Bytes sent again.",
    "retrans_pkts": "Packets sent again.",
    "retrans_timeout_events": "Timeouts after which traffic took another path.",
    "unresponsive_remote_events": "Times that a peer did not answer.",
    "impaired_remote_conn_events": "Times that a connection was slowed down as impaired.",
}
"""The counters of a port; older devices and drivers lack some of the later ones."""

READ_SECONDS = 2.0
"""How long a page waits for the devices; Prometheus waits for 5 s at least."""
REQUEST_SECONDS = 5.0
MOST_REQUESTS = 8
PORT = 9101

Sample = tuple[str, str, int]
"""Port, counter and value."""


class Device:
    """One EFA interface. A read of it may hang in the kernel, where nothing can end it: it has a thread of its own, and
    no second one begins before the first is over.
    """

    def __init__(self, path: Path) -> None:
        self.name, self.errors = path.name, 0
        self._path, self._samples, self._failed = path, list[Sample](), False
        self._reading: threading.Thread | None = None

    def begin(self) -> None:
        """Start to read, unless a read is under way."""
        if self._reading is None:
            self._reading = threading.Thread(target=self._read, daemon=True)
            self._reading.start()

    def samples(self, deadline: float) -> list[Sample]:
        """What was read by then, on the monotonic clock; an error is counted where something was not."""
        reading = self._reading
        if reading is not None:
            reading.join(max(0.0, deadline - time.monotonic()))
            if reading.is_alive():
                self.errors += 1
                return []
            self._reading = None
            self.errors += self._failed
        return self._samples

    def _read(self) -> None:
        found: list[Sample] = []
        failed = False
        try:
            for folder in sorted((self._path / "ports").iterdir()):
                for counter in COUNTERS:
                    try:
                        found.append((folder.name, counter, int((folder / "hw_counters" / counter).read_text())))
                    except FileNotFoundError:
                        continue
                    except (OSError, ValueError):
                        failed = True
        except OSError:
            failed = True
        self._samples, self._failed = found, failed or not found


class Node:
    """The EFA interfaces of a node, looked for anew for each page: they come and go with the driver."""

    def __init__(self, sysfs: Path) -> None:
        self._root, self._lock = sysfs / "class" / "infiniband", threading.Lock()
        self._devices: dict[str, Device] = {}

    def page(self) -> str:
        """The metrics, in Prometheus's text format 0.0.4."""
        with self._lock:
            found = {path.name: path for path in self._paths()}
            self._devices = {name: self._devices.get(name) or Device(path) for name, path in found.items()}
            for device in self._devices.values():
                device.begin()
            deadline = time.monotonic() + READ_SECONDS
            read = [(device.name, device.samples(deadline)) for device in self._devices.values()]
            errors = [(device.name, device.errors) for device in self._devices.values()]
        return "".join(f"{line}\n" for line in _lines(read, errors))

    def _paths(self) -> Iterator[Path]:
        try:
            entries = sorted(self._root.iterdir())
        except FileNotFoundError:
            return  # no driver of the kind is loaded
        yield from filter(_is_efa, entries)


def _is_efa(path: Path) -> bool:
    try:
        vendor = (path / "device" / "vendor").read_text().strip()
        return vendor == AMAZON and (path / "device" / "driver").readlink().name == DRIVER
    except OSError:
        return False


def _lines(read: list[tuple[str, list[Sample]]], errors: list[tuple[str, int]]) -> Iterator[str]:
    for counter, meaning in COUNTERS.items():
        rows = [(device, port, value) for device, samples in read for port, name, value in samples if name == counter]
        if rows:
            yield from _head(f"node_amazonefa_{counter}", "counter", meaning)
        for device, port, value in rows:
            yield f'node_amazonefa_{counter}{{device="{_escaped(device)}",port="{_escaped(port)}"}} {value}'
    yield from _head("node_amazonefa_info", "gauge", "An EFA interface of this node; always 1.")
    for device, _ in read:
        yield f'node_amazonefa_info{{device="{_escaped(device)}"}} 1'
    yield from _head("efa_exporter_read_errors_total", "counter", "Reads of a device that failed or took too long.")
    for device, count in errors:
        yield f'efa_exporter_read_errors_total{{device="{_escaped(device)}"}} {count}'
    yield from _head("efa_exporter_devices", "gauge", "EFA interfaces that this node has.")
    yield f"efa_exporter_devices {len(read)}"


def _head(name: str, kind: str, meaning: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _escaped(value: str) -> str:
    return re.sub(r'[\\"\n]', "_", value)


Request = Any
"""What `socketserver` hands on: a socket."""


class Server(ThreadingHTTPServer):
    """Answers a few requests at a time, each within some seconds; what is more is hung up on."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], node: Node) -> None:
        self._free = threading.BoundedSemaphore(MOST_REQUESTS)
        super().__init__(address, partial(Handler, node))

    def process_request(self, request: Request, client_address: Any) -> None:
        """Answer in a thread while one is free."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Request, client_address: Any) -> None:
        """Answer, and free the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Request, client_address: Any) -> None:
        """Say in one line what went wrong; most often the client hung up."""
        logging.warning("%s: %r", client_address, sys.exception())


class Handler(BaseHTTPRequestHandler):
    """`/metrics`, and `/healthz`, which reads no device: a hanging one is no reason to restart."""

    timeout = REQUEST_SECONDS

    def __init__(self, node: Node, *request: Any) -> None:
        self._node = node
        super().__init__(*request)

    def do_GET(self) -> None:
        """Answer a request."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, self._node.page())
        elif path == "/healthz":
            self._answer(200, "ok\n")
        else:
            self._answer(404, "/metrics\n")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line a scrape tells nobody anything."""


def main() -> None:
    """Serve until the end."""
    parser = argparse.ArgumentParser(description="Counters of EFA interfaces for Prometheus.")
    parser.add_argument("--sysfs", type=Path, default=Path("/sys"), help="where sysfs is mounted")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=PORT, help="port to listen on")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # The first process of a container gets no signal that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Server((chosen.address, chosen.port), Node(chosen.sysfs)) as server:
        logging.info("serving %s on %s:%d", chosen.sysfs, *server.server_address[:2])
        server.serve_forever()


if __name__ == "__main__":
    main()
