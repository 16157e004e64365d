"""Fill or check a folder of weights on the shared file system; runs as a job in the engine's own image.

Needs the standard library and, to fetch, `huggingface_hub`, which every SGLang image carries. What is there already
in its right size is kept, so that a job that was cut short goes on where it stopped, and a finished one ends at once.

Environment: `MODEL`, `REVISION` (optional), `FOLDER`, `FETCH` (`1` to fetch from the hub, else only to check),
`COMPANIONS` (optional; JSON: further repositories, each with `model`, `revision` and `folder`), and
what `huggingface_hub` reads itself (`HF_TOKEN`, `HF_ENDPOINT`, `HF_HOME`).
Exit codes: 0 complete, 1 worth another try, 3 pointless to try again.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INDEX = "model.safetensors.index.json"
POINTLESS = 3

_BLOCK = 16 * 2**20
_READERS = 8
_RETRIED = 429
_SERVER_ERROR = 500


class PointlessError(Exception):
    """Trying again would end in the same way."""


def wanted(files: Mapping[str, int]) -> dict[str, int]:
    """The files that an engine reads, of all files of a repository with their sizes in bytes.

    One form of the weights is enough: safetensors where there are any. `original/` and the like hold others.
    """
    safetensors = any(name.endswith(".safetensors") and "/" not in name for name in files)
    others = (".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".ot", ".tflite")
    doubles = ("original/", "onnx/", "metal/", "openvino/", "figures/", "assets/")
    return {
        name: size
        for name, size in files.items()
        if not name.startswith((*doubles, "."))
        and not (safetensors and name.endswith(others))
        and not (safetensors and "/" in name and name.endswith(".safetensors"))
    }


def missing(folder: Path, files: Mapping[str, int]) -> list[str]:
    """The files that are not in `folder` in their right size, in a stable order."""
    return sorted(
        name for name, size in files.items() if not (folder / name).is_file() or (folder / name).stat().st_size != size
    )


def shards(folder: Path) -> list[Path]:
    """Every file of weights that a checkpoint in `folder` consists of. Raises `PointlessError` where one is absent."""
    if not (folder / "config.json").is_file():
        raise PointlessError(f"{folder} holds no config.json")
    index = folder / INDEX
    if index.is_file():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        names = sorted(path.name for path in folder.glob("*.safetensors"))
    absent = [name for name in names if not (folder / name).is_file()]
    if absent or not names:
        raise PointlessError(f"{folder} lacks {', '.join(absent) or 'safetensors files'}")
    return [folder / name for name in names]


def read_through(paths: Iterable[Path]) -> int:
    """Read every byte once and return their number: a file that so far is only listed, because it lies in a linked
    bucket, is loaded into the file system by that.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        return sum(readers.map(_read, paths))


def fetch(model: str, revision: str | None, folder: Path) -> None:
    """Fetch what is missing from the hub and check every size. Raises `PointlessError` for a model that the token may
    not see and for a file system that is too small.
    """
    files = _listed(model, revision)
    needed = sum(files[name] for name in missing(folder, files))
    if not needed:
        say(f"complete: {len(files)} files")
        return
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PointlessError(f"{needed / 2**30:.1f} GiB to fetch, {free / 2**30:.1f} GiB free in {folder}")
    say(f"fetching {needed / 2**30:.1f} GiB of {model}")
    from huggingface_hub import snapshot_download  # ty: ignore[import-not-found] - in the image alone

    began = time.monotonic()
    snapshot_download(model, revision=revision, local_dir=folder, allow_patterns=sorted(files), max_workers=_READERS)
    if left := missing(folder, files):
        raise OSError(f"not in their right size: {', '.join(left)}")
    say(f"fetched at {needed / 2**20 / max(1e-3, time.monotonic() - began):.0f} MiB/s")


def say(message: str) -> None:
    """A line of the job's log."""
    print(message, flush=True)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Do what the environment says; the exit code."""
    folder = Path(environment["FOLDER"])
    try:
        if environment.get("FETCH") == "1":
            folder.mkdir(parents=True, exist_ok=True)
            fetch(environment["MODEL"], environment.get("REVISION") or None, folder)
            shards(folder)
            for companion in json.loads(environment.get("COMPANIONS") or "[]"):
                beside = Path(companion["folder"])
                beside.mkdir(parents=True, exist_ok=True)
                fetch(companion["model"], companion["revision"], beside)
        else:
            read = read_through(shards(folder))
            say(f"complete: {read / 2**30:.1f} GiB read")
    except PointlessError as error:
        say(f"error: {error}")
        return POINTLESS
    except OSError as error:
        say(f"error, to be tried again: {error}")
        return 1
    return 0


def _listed(model: str, revision: str | None) -> dict[str, int]:
    from huggingface_hub import HfApi  # ty: ignore[import-not-found] - in the image alone
    from huggingface_hub.utils import HfHubHTTPError  # ty: ignore[import-not-found] - in the image alone

    try:
        listed = HfApi().model_info(model, revision=revision, files_metadata=True).siblings or []
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == _RETRIED or status >= _SERVER_ERROR:
            raise OSError(f"the hub answers {status}") from error
        raise PointlessError(f"the hub answers {status} for {model}: wrong id or revision, or no access") from error
    return wanted({file.rfilename: file.size or 0 for file in listed})


def _read(path: Path) -> int:
    total = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            total += len(block)
    return total


if __name__ == "__main__":
    sys.exit(main())
