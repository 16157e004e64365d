"""What a kubelet does with a container before it runs: environment, expansion of `$(VARIABLE)`, and the start itself.

The start is real: the container's own command runs in a shell whose `python3` only tells what it was called with.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.client import Manifest, labels_of, name_of

_PYTHON = '#!/bin/sh\n[ "$1" = -c ] && exit 0\nfor part in "$@"; do printf "%s\\n" "$part"; done\n'
_GETENT = '#!/bin/sh\ngrep -qx "$2" "$NAMES"\n'


def environment(pod: Manifest) -> dict[str, str]:
    """The container's variables, in order, each expanded with those before it."""
    variables: dict[str, str] = {}
    for entry in pod["spec"]["containers"][0].get("env", []):
        if "value" in entry:
            variables[entry["name"]] = expand(entry["value"], variables)
        elif path := entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath"):
            variables[entry["name"]] = _field(pod, path)
    return variables


def expand(text: str, variables: dict[str, str]) -> str:
    """`$(NAME)` becomes its value; an unknown name stays as it is, and `$$` is a dollar sign."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)", value, text)


def start(pod: Manifest, names: Iterable[str], folder: Path) -> list[str]:
    """The arguments with which the pod's container calls `python3`; `names` are what DNS can resolve."""
    variables = environment(pod)
    container = pod["spec"]["containers"][0]
    command = [expand(part, variables) for part in [*container["command"], *container.get("args", [])]]
    folder.mkdir(parents=True, exist_ok=True)
    for program, text in {"python3": _PYTHON, "getent": _GETENT}.items():
        (folder / program).write_text(text)
        (folder / program).chmod(0o755)
    (folder / "names").write_text("\n".join(names) + "\n")
    shell = {**variables, "PATH": f"{folder}:{os.environ['PATH']}", "NAMES": str(folder / "names")}
    done = subprocess.run(command, env=shell, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.splitlines()


def _field(pod: Manifest, path: str) -> str:
    if match := re.fullmatch(r"metadata\.labels\['(.+)'\]", path):
        return labels_of(pod)[match[1]]
    if path == "metadata.name":
        return name_of(pod)
    return pod["status"]["podIP"]
