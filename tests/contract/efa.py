"""Nodes with EFA interfaces: a made-up sysfs as the kernel lays it out, and the stack's exporter on it.

Only `class` and `devices` are there, as in the exporter's container: the link to a device's driver leads nowhere.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from components.monitoring.efa_exporter import exporter
from components.monitoring.efa_exporter.plan import SCRIPT, SYSFS, daemon_set
from tests.cluster.processes import Processes, free_ports

START_SECONDS = 60
LISTED = Path(__file__).parent / "data" / "efa-counters.txt"
FILES = dict(
    [*line.split(), "every"][:2] for line in LISTED.read_text().splitlines() if line and not line.startswith("#")
)
"""Files of a port's `hw_counters`, each with `every`, `newer` or `setting`."""
COUNTERS = frozenset(name for name, kind in FILES.items() if kind != "setting")
OLDER = frozenset(name for name, kind in FILES.items() if kind == "every")
AMAZON, MELLANOX = "0x1d0f", "0x15b3"


class Sysfs:
    """A tree at `root`, which grows by devices."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "class").mkdir(parents=True)
        (root / "devices").mkdir()

    def add(self, name: str, *, vendor: str = AMAZON, driver: str = "efa", counters: frozenset[str] = COUNTERS) -> None:
        """A device with one port, whose counters are 0."""
        slot = f"0000:00:{len(list((self.root / 'devices').glob('*/*'))):02x}.0"
        pci = self.root / "devices" / "pci0000:00" / slot
        device = pci / "infiniband" / name
        (device / "ports" / "1" / "hw_counters").mkdir(parents=True)
        (pci / "vendor").write_text(f"{vendor}\n")
        (pci / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")
        (device / "device").symlink_to(f"../../../{slot}")
        (self.root / "class" / "infiniband").mkdir(exist_ok=True)
        (self.root / "class" / "infiniband" / name).symlink_to(f"../../devices/pci0000:00/{slot}/infiniband/{name}")
        for each in (*counters, "lifespan"):
            self.set(name, each, 10 if each == "lifespan" else 0)

    def counter(self, name: str, counter: str) -> Path:
        """The file of a counter."""
        return self.root / "class" / "infiniband" / name / "ports" / "1" / "hw_counters" / counter

    def set(self, name: str, counter: str, value: int | str) -> None:
        """A counter's value, changed at once."""
        file = self.counter(name, counter)
        new = self.root / "new"
        new.write_text(f"{value}\n")
        os.replace(new, file)

    def remove(self, name: str) -> None:
        """The driver lets the device go."""
        (self.root / "class" / "infiniband" / name).unlink()


@dataclass(frozen=True, slots=True)
class Page:
    """A scraped page: `samples` by name and labels in order, `kinds` by name."""

    text: str
    samples: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Page:
        """A page in Prometheus's text format, as far as this exporter uses it."""
        samples: dict[tuple[str, ...], float] = {}
        for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE):
            key = (name, *(f"{label}={given}" for label, given in re.findall(r'(\w+)="([^"]*)"', labels)))
            assert key not in samples, f"{key} is there twice"
            samples[key] = float(value)
        return cls(text, samples, dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)))

    def of_device(self, name: str) -> dict[str, float]:
        """Counters of a device's port 1 by their files' names."""
        where = (f"device={name}", "port=1")
        return {
            key[0].removeprefix("node_amazonefa_"): value for key, value in self.samples.items() if key[1:] == where
        }

    def errors(self, name: str) -> float:
        """Reads of a device that failed."""
        return self.samples["efa_exporter_read_errors_total", f"device={name}"]


@dataclass(frozen=True, slots=True)
class Exporter:
    """The exporter as it runs. `address` is `host:port`."""

    address: str
    processes: Processes

    def get(self, path: str, seconds: float = 30) -> str:
        """What it answers."""
        with urlopen(f"http://{self.address}{path}", timeout=seconds) as answer:
            return str(answer.read().decode())

    def page(self) -> Page:
        """The metrics."""
        return Page.of(self.get("/metrics"))


@contextmanager
def exporting(sysfs: Path, folder: Path) -> Generator[Exporter]:
    """Run the script with the command line of its container, on another tree and port."""
    (port,) = free_ports(1)
    (container,) = daemon_set("image", ["p5.48xlarge"], [])["template"]["spec"]["containers"]
    here = {
        "python3": sys.executable,
        f"/exporter/{SCRIPT}": exporter.__file__,
        SYSFS: str(sysfs),
        "0.0.0.0": "127.0.0.1",
        str(exporter.PORT): str(port),
    }
    processes = Processes(folder)
    running = Exporter(f"127.0.0.1:{port}", processes)
    processes.start("exporter", [here.get(part, part) for part in (*container["command"], *container["args"])])
    try:
        _wait(running)
        yield running
    finally:
        processes.stop_all()


def _wait(running: Exporter) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not running.processes.ended():
        try:
            running.get("/healthz")
        except (URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the exporter does not start: {running.processes.tail('exporter')}")
