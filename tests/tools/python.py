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

HERE = Path(__file__).parent
ENVIRONMENTS = ("litellm", "aiconfigurator")
"""Names of the environments: `<name>/requirements.txt` beside this file has every package with its version."""


def requirements(name: str) -> Path:
    """The pins of an environment."""
    return HERE / name / "requirements.txt"


def folder(name: str) -> Path:
    """Where an environment is kept; other pins or another Python are another folder."""
    pins = hashlib.sha256(requirements(name).read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "sglang-hyperpod" / "tools" / f"{name}-{pins}"


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
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return (done.stderr.strip().splitlines() or ["no message"])[-1]
        unfinished.replace(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return None
