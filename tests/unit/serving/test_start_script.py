"""The script that starts an engine, run by a real shell with stand-ins for what the image has."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from components.serving.engine.command import command


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder of programs: `getent` that knows the leader at its second asking, `python3` that tells what it got."""
    _program(tmp_path / "getent", 'if [ -e "$0.asked" ]; then exit 0; fi; touch "$0.asked"; exit 2')
    _program(tmp_path / "sleep", "exit 0")
    return tmp_path


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def _python(image: Path, *libraries: str) -> None:
    """`python3 -c` finds the given libraries; `python3 -m` prints its arguments and what NCCL would be told."""
    known = " ".join(libraries)
    _program(
        image / "python3",
        f'if [ "$1" = -c ]; then [[ " {known} " == *" $3 "* ]]; exit; fi\n'
        'echo "plugin=${NCCL_NET_PLUGIN:-}"; printf "<%s>" "$@"',
    )


def _start(image: Path, *, efa: bool) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{image}:{os.environ['PATH']}", "LWS_LEADER_ADDRESS": "r1-0.r1.inference"}
    start = [*command(several_nodes=True, efa=efa), "--model-path", "a folder"]
    return subprocess.run(start, env=environment, capture_output=True, text=True, check=False, timeout=20)


def test_it_waits_for_the_leaders_name_and_hands_the_arguments_on(image: Path) -> None:
    _python(image)
    result = _start(image, efa=False)
    assert (image / "getent.asked").exists()
    assert result.stdout.endswith("<-m><sglang.launch_server><--model-path><a folder>")


def test_without_the_plugin_for_efa_it_stops_and_says_why(image: Path) -> None:
    _python(image)
    result = _start(image, efa=True)
    assert result.returncode == 1
    assert "no NCCL plugin for EFA" in result.stderr
    assert "sglang.launch_server" not in result.stdout


@pytest.mark.parametrize(
    ("libraries", "told"),
    [(("libnccl-net.so",), "plugin="), (("libnccl-net.so", "libnccl-net-ofi.so"), "plugin=ofi")],
)
def test_nccl_is_told_of_the_plugins_newer_name(image: Path, libraries: tuple[str, ...], told: str) -> None:
    _python(image, *libraries)
    result = _start(image, efa=True)
    assert result.stdout.splitlines()[0] == told
    assert "sglang.launch_server" in result.stdout
