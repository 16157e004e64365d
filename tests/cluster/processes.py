"""Programs that a test starts, and that end with it: also where it fails, is interrupted or is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

SECONDS_TO_STOP = 10

_LAUNCH = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Becomes the program, after asking the kernel (PR_SET_PDEATHSIG) to end it with the test run: a killed pytest runs no
fixture's end."""


class Processes:
    """Started programs by name, each in a process group of its own with one log file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Run `command` with `environment` added to this process's; its output goes to `NAME.log`."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-S", "-c", _LAUNCH, *(str(part) for part in command)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """End one program and whatever it started; kill it where it does not end by itself."""
        process = self._running.pop(name)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            try:
                process.wait(SECONDS_TO_STOP)
                break
            except subprocess.TimeoutExpired:
                continue
        process.wait()

    def stop_all(self) -> None:
        """End everything, the latest first, so that nobody complains about a server that is gone."""
        for name in reversed(list(self._running)):
            self.stop(name)

    def ended(self) -> list[str]:
        """Names of the programs that ended without being asked to."""
        return [name for name, process in self._running.items() if process.poll() is not None]

    def wait_for(self, url: str, seconds: float = 30) -> None:
        """Wait until `url` answers with success; AssertionError with the last lines of all logs where it does not, or
        where a program ends.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended():
            try:
                with urlopen(url, timeout=2):
                    return
            except (OSError, HTTPException):
                time.sleep(0.1)
        raise AssertionError("\n".join([f"{url} does not answer", *(self.tail(name) for name in self._running)]))

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines that a program wrote."""
        log = self._log(name)
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def pid(self, name: str) -> int:
        """The process id of a running program."""
        return self._running[name].pid

    def names(self) -> list[str]:
        """Every program that was started and not stopped."""
        return list(self._running)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nothing listens, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
