"""Mooncake's own master and clients on loopback, with the arguments and variables that the program writes."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from components.serving.mooncake.plan import METRICS_PORT, RPC_PORT, StorePlan
from tests.contract.router import free_port
from tests.tools.python import libraries

START_SECONDS = 60
SEGMENT = 64 * 2**20

CLIENT = """
import json, os, sys
from mooncake.store import MooncakeDistributedStore
store = MooncakeDistributedStore()
# As SGLang calls it (mem_cache/storage/mooncake_store/mooncake_store.py), with the same variables.
code = store.setup(
    os.environ["MOONCAKE_LOCAL_HOSTNAME"], os.environ["MOONCAKE_TE_META_DATA_SERVER"],
    int(os.environ["MOONCAKE_GLOBAL_SEGMENT_SIZE"]), 16 * 2**20, os.environ["MOONCAKE_PROTOCOL"], "",
    os.environ["MOONCAKE_MASTER"], None,
)
print("ready", code, flush=True)
for line in sys.stdin:
    word, key, *rest = line.split()
    print("answer", store.put(key, rest[0].encode()) if word == "put" else store.get(key).decode(), flush=True)
os._exit(0)
"""


@dataclass
class Master:
    """A master; its ports are of the test's own."""

    python: Path
    plan: StorePlan
    rpc: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it as the pod does, and wait for what its probes ask for."""
        ports = {f"--rpc_port={RPC_PORT}": self.rpc, f"--metrics_port={METRICS_PORT}": self.metrics}
        arguments = [
            f"{each.partition('=')[0]}={ports[each]}" if each in ports else each for each in self.plan.arguments
        ]
        program, *rest = self.plan.command
        assert program == "python3"
        self.process = subprocess.Popen(
            [str(self.python), *rest, *arguments],
            env={**libraries("mooncake"), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(URLError, OSError):
                if self.ask("/health"):
                    return
            time.sleep(0.1)
        raise AssertionError(f"the master ended with {self.process.poll()}")

    def kill(self) -> None:
        """End it as a lost node does."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def ask(self, path: str) -> str:
        """What its HTTP server answers."""
        with urlopen(f"http://127.0.0.1:{self.metrics}{path}", timeout=5) as response:
            return str(response.read().decode())

    def metric(self, name: str) -> float:
        """The value of a series without labels; KeyError where it has none."""
        found = re.search(rf"^{name} (\S+)$", self.ask("/metrics"), re.MULTILINE)
        if found is None:
            raise KeyError(name)
        return float(found[1])


class Client:
    """A rank, as far as the store sees it."""

    def __init__(self, python: Path, variables: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [str(python), "-c", CLIENT],
            env={**libraries("mooncake"), "PATH": os.environ["PATH"], **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.code = int(self._read("ready"))

    def ask(self, *words: str) -> str:
        """`put KEY VALUE` and its code, or `get KEY` and its value, empty where nobody knows it."""
        assert self.process.stdin
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self._read("answer")

    def ports(self) -> set[int]:
        """TCP ports on which it listens (Linux: /proc/net/tcp and tcp6)."""
        own = {
            link.rpartition("[")[2].rstrip("]")
            for file in Path(f"/proc/{self.process.pid}/fd").iterdir()
            if (link := os.readlink(file)).startswith("socket:")
        }
        rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
        return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in own}

    def _read(self, head: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(f"{head} "):
                return line.removeprefix(f"{head} ").rstrip("\n")
        raise AssertionError("the client has ended")

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running(python: Path, plan: StorePlan) -> Generator[Master]:
    """A master, for as long as the block lasts."""
    master = Master(python, plan)
    try:
        master.start()
        yield master
    finally:
        master.kill()


@contextlib.contextmanager
def clients(python: Path, environment: Mapping[str, str], master: Master, *segments: int) -> Generator[list[Client]]:
    """Ranks with the variables of an engine, but for their addresses and the size of their segments."""
    here = {**environment, "MOONCAKE_LOCAL_HOSTNAME": "127.0.0.1", "MOONCAKE_MASTER": f"127.0.0.1:{master.rpc}"}
    made: list[Client] = []
    try:
        for segment in segments:
            made.append(Client(python, {**here, "MOONCAKE_GLOBAL_SEGMENT_SIZE": str(segment)}))
        yield made
    finally:
        for client in made:
            client.end()
