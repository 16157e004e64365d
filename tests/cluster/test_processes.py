"""What the tier starts ends with it, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.processes import Processes

PARENT = """
import pathlib, sys, time
from tests.cluster.processes import Processes
folder = pathlib.Path(sys.argv[1])
Processes(folder).start("child", ["sh", "-c", "echo $$ && exec sleep 60"])
time.sleep(60)
"""


def test_a_program_and_its_children_end_together(tmp_path: Path):
    processes = Processes(tmp_path)
    processes.start("shell", ["sh", "-c", "sleep 60 & echo $! && wait"])
    child = _announced(tmp_path / "shell.log")
    processes.stop_all()
    assert _ends(child)
    assert processes.names() == []


def test_a_program_that_ignores_the_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tests.cluster.processes.SECONDS_TO_STOP", 0.3)
    processes = Processes(tmp_path)
    processes.start("stubborn", ["sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"])
    program = _announced(tmp_path / "stubborn.log")
    processes.stop("stubborn")
    assert _ends(program)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_children_do_not_outlive_a_killed_test_run(tmp_path: Path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path])
    child = _announced(tmp_path / "child.log")
    parent.kill()
    parent.wait()
    assert _ends(child)


def test_a_program_that_ended_by_itself_is_named(tmp_path: Path):
    processes = Processes(tmp_path)
    processes.start("brief", ["sh", "-c", "echo so much for that; exit 3"])
    deadline = time.monotonic() + 5
    while not processes.ended() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.ended() == ["brief"]
    assert processes.tail("brief") == "so much for that"
    processes.stop_all()


def _announced(log: Path) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if log.exists() and (text := log.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"{log} stays empty")


def _ends(process: int) -> bool:
    """Whether a process that was sent a signal is gone, or a zombie, within the time that a busy machine needs."""
    deadline = time.monotonic() + 5
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _runs(process)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc").exists():
        return True
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
