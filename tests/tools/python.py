"""Python packages that only tests need, and whose pins do not go with the program's: a virtual environment of its own
for each, in the same cache as the programs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.programs import cache_home

HERE = Path(__file__).parent
ENVIRONMENTS = ("litellm", "aiconfigurator", "mooncake")
"""Names of the environments: `<name>/requirements.txt` beside this file has every package with its version."""

LIBRARIES = {"mooncake": ("libibverbs1", "libnl-3-200", "libnl-route-3-200")}
"""Debian packages whose libraries an environment's programs load. They are unpacked beside it, not installed."""


def requirements(name: str) -> Path:
    """The pins of an environment."""
    return HERE / name / "requirements.txt"


def folder(name: str) -> Path:
    """Where an environment is kept; other pins or another Python are another folder."""
    pins = hashlib.sha256(requirements(name).read_bytes() + sys.version.encode()).hexdigest()[:16]
    return cache_home() / f"{name}-{pins}"


def environment(name: str) -> Path | None:
    """The Python of an environment, or None where it has not been installed (`make tools`)."""
    python = folder(name) / "bin" / "python"
    return python if python.exists() else None


def install(name: str) -> str | None:
    """Install an environment whole or not at all; what went wrong, or None."""
    target = folder(name)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    pip = [str(unfinished / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    commands = (
        [sys.executable, "-m", "venv", str(unfinished)],
        # The pins are complete, and one of LiteLLM's own asks for a release that few mirrors have yet.
        [*pip, "--no-deps", "-r", str(requirements(name))],
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        for command in commands:
            if reason := _failed(command, unfinished):
                return reason
        if reason := _unpack(LIBRARIES.get(name, ()), unfinished / "system"):
            return reason
        unfinished.replace(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return None


def libraries(name: str) -> dict[str, str]:
    """The environment variable by which an environment's programs find the libraries that were unpacked for them."""
    found = {file.parent for file in (folder(name) / "system").rglob("*.so.*")}
    return {"LD_LIBRARY_PATH": ":".join(map(str, sorted(found)))} if found else {}


def _unpack(packages: tuple[str, ...], target: Path) -> str | None:
    """Fetch Debian packages and unpack them; what went wrong, or None. It takes no rights."""
    if not packages:
        return None
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return f"neither apt-get nor {', '.join(packages)} are here"
    target.mkdir()
    if reason := _failed(["apt-get", "download", "-q", *packages], target):
        return reason
    return next(
        filter(None, (_failed(["dpkg-deb", "-x", str(file), "."], target) for file in target.glob("*.deb"))), None
    )


def _failed(command: list[str], where: Path) -> str | None:
    """The last line of what a command that failed says; None where it did not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=where if where.exists() else None)
    return (done.stderr.strip().splitlines() or ["no message"])[-1] if done.returncode else None
