"""`python -m tests.tools build [names...]`: build what the cache lacks; `list` tells what is there.

Each program is a step of its own and is moved into the cache whole, so an interrupted build goes on where it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.tools.programs import HERE, MODULES, PROGRAMS, Program, cache_folder, cache_home, find, source
from tests.tools.python import ENVIRONMENTS, environment, install

USAGE = "usage: python -m tests.tools build [names...] | list"


class NoSourcesError(Exception):
    """The module's sources cannot be had: no cache of them, and no module proxy to ask."""


def go_environment() -> dict[str, str]:
    """What `go` runs in: no C compiler needed, no pin changed, no other toolchain fetched."""
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def go(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `go` in a module's folder at low priority, so that a build does not get in a person's way."""
    command = [*(["nice"] if shutil.which("nice") else []), "go", *args]
    return subprocess.run(command, cwd=folder, env=go_environment(), capture_output=True, text=True, check=False)


def last_line(text: str) -> str:
    """The line in which `go` says what went wrong."""
    return (text.strip().splitlines() or ["no message"])[-1].strip()


def build(program: Program) -> None:
    """Build one program into the cache; NoSourcesError, or RuntimeError with the compiler's last line."""
    folder, target = HERE / program.module, cache_folder(program.module) / program.name
    sources = go(folder, "list", "-deps", program.package)
    if sources.returncode:
        raise NoSourcesError(last_line(sources.stderr))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{program.name}.{os.getpid()}")
    flags = f"-s -w{f' -X {program.stamp}' if program.stamp else ''}"
    try:
        built = go(folder, "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), program.package)
        if built.returncode:
            raise RuntimeError(last_line(built.stderr))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def build_missing(programs: list[Program]) -> int:
    """Build what is absent, in order. 1 where a program does not compile; absent sources are told, not a failure."""
    missing = [program for program in programs if find(program.name) is None]
    print(f"tools: {len(programs) - len(missing)} of {len(programs)} are there, in {cache_home()}", flush=True)
    if missing and not shutil.which("go"):
        print(f"tools: Go is not on PATH, so these stay missing: {', '.join(p.name for p in missing)}")
        return 0
    failed = 0
    for number, program in enumerate(missing, start=1):
        print(f"tools: [{number}/{len(missing)}] {program.name}: building", flush=True)
        started = time.monotonic()
        try:
            build(program)
        except NoSourcesError as error:
            rest = ", ".join(p.name for p in missing[number - 1 :])
            print(f"tools: no module proxy ({error}), so these stay missing: {rest}")
            return failed
        except RuntimeError as error:
            failed = 1
            print(f"tools: {program.name} does not build: {error}", flush=True)
        else:
            print(f"tools: {program.name} took {time.monotonic() - started:.0f} s", flush=True)
    for name in MODULES:
        if programs == list(PROGRAMS) and source(name) is None:
            print(f"tools: the sources of {name} cannot be had")
    return failed


def install_missing() -> None:
    """Install the Python environments that are absent; one that cannot be had is told, and its tests skip."""
    for name in ENVIRONMENTS:
        if environment(name) is None:
            print(f"tools: {name}: installing its Python packages", flush=True)
            if reason := install(name):
                print(f"tools: {name} stays missing: {reason}", flush=True)


def main(argv: list[str]) -> int:
    """0: done, or said what stays missing; 1: a program does not compile; 2: wrong use."""
    known = {program.name: program for program in PROGRAMS}
    command, names = (argv[0], argv[1:]) if argv else ("", [])
    if unknown := [name for name in names if name not in known]:
        print(f"tools: no such program: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    programs = [known[name] for name in names] or list(PROGRAMS)
    if command == "build":
        if not names:
            install_missing()
        return build_missing(programs)
    if command == "list":
        for program in programs:
            print(f"{program.name:24} {find(program.name) or 'missing'}")
        for name in ENVIRONMENTS:
            print(f"{name:24} {environment(name) or 'missing'}")
        return 0
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
