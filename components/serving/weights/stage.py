"""Copy a checkpoint from the shared file system to the node's own disk; runs before the engine, in the engine's image.

Needs the standard library alone. What is there already in its right size is kept, so that a pod that comes back to its
node starts at once and a copy that was cut short goes on where it stopped. Pods that share a node wait for each other.

Environment: `SOURCE` and `TARGET`, both folders.
Exit codes: 0 complete, 1 worth another try, 3 pointless to try again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

POINTLESS = 3

_BLOCK = 16 * 2**20
_COPIERS = 16
_TRIES = 5
_PAUSE_SECONDS = 10


class PointlessError(Exception):
    """Trying again would end in the same way."""


def listed(folder: Path) -> dict[str, int]:
    """Every file below a folder with its size in bytes; what begins with a dot is the hub's own book-keeping."""
    found = (path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder): path.stat().st_size for path in found}
    return {
        name.as_posix(): size for name, size in named.items() if not any(part.startswith(".") for part in name.parts)
    }


def missing(target: Path, files: Mapping[str, int]) -> list[str]:
    """The files that are not in `target` in their right size, the largest first, so that no long copy comes last."""
    there = listed(target) if target.is_dir() else {}
    return sorted((name for name, size in files.items() if there.get(name) != size), key=lambda name: -files[name])


def stage(source: Path, target: Path) -> int:
    """Make `target` a complete copy of `source`; the bytes that had to be copied. Raises `PointlessError` for a folder
    without files and for a disk that is too small, and OSError.
    """
    files = listed(source)
    if not files:
        raise PointlessError(f"{source} holds no files")
    wanted = missing(target, files)
    needed = sum(files[name] for name in wanted)
    free = shutil.disk_usage(_existing(target)).free
    if free < needed:
        raise PointlessError(f"{needed / 2**30:.1f} GiB to copy, {free / 2**30:.1f} GiB free below {target}")
    with ThreadPoolExecutor(_COPIERS) as copiers:
        list(copiers.map(lambda name: _copy(source / name, target / name), wanted))
    if left := missing(target, files):
        raise OSError(f"not in their right size: {', '.join(left)}")
    return needed


@contextmanager
def alone(target: Path) -> Generator[None]:
    """Holds a lock beside `target` meanwhile, which ends with the process, however that ends."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(message: str) -> None:
    """A line of the container's log."""
    print(message, flush=True)


def main(environment: Mapping[str, str] = os.environ, pause: float = _PAUSE_SECONDS) -> int:
    """Copy, and try again after `pause` seconds where that may help; the exit code.

    A container that ends with an error makes LeaderWorkerSet begin the whole group anew.
    """
    source, target = Path(environment["SOURCE"]), Path(environment["TARGET"])
    for left in reversed(range(_TRIES)):
        try:
            with alone(target):
                began = time.monotonic()
                copied = stage(source, target)
        except PointlessError as error:
            say(f"error: {error}")
            return POINTLESS
        except OSError as error:
            say(f"error, to be tried {left} times more: {error}")
            time.sleep(pause if left else 0)
            continue
        rate = copied / 2**20 / max(1e-3, time.monotonic() - began)
        say(f"complete: {copied / 2**30:.1f} GiB copied at {rate:.0f} MiB/s")
        return 0
    return 1


def _copy(source: Path, target: Path) -> None:
    """Copy one file under another name first, and onto the disk before it gets its own: a half file has no name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with source.open("rb", buffering=0) as reader, part.open("wb", buffering=0) as writer:
        shutil.copyfileobj(reader, writer, _BLOCK)
        os.fsync(writer.fileno())
    part.replace(target)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return folder if folder.exists() else _existing(folder.parent)


if __name__ == "__main__":
    sys.exit(main())
