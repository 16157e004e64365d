"""The HyperPod dependency chart: its pinned commit, the values that inference needs, and how it is brought here.

AWS publishes the chart in no Helm repository, so it comes from git into an ignored folder: `sglang-hyperpod chart`
runs `materialise`. What arrives is compared with a pinned git tree hash, computed here from the files themselves.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Run = Callable[[Sequence[str]], None]
"""Runs a command and raises where it fails."""


@dataclass(frozen=True, slots=True)
class GitChart:
    """A chart in a git repository. `tree` is git's hash of the folder `path` at `commit`: it names every byte in it."""

    repository: str
    commit: str
    path: str
    tree: str
    source: str

    @property
    def name(self) -> str:
        """The chart folder's name."""
        return Path(self.path).name

    @property
    def folder(self) -> str:
        """Where the chart lies once it is here, under `.charts`; a new commit has a new folder."""
        return f"hyperpod-{self.commit[:12]}"


DEPENDENCIES: Final = GitChart(
    repository="https://github.com/aws/sagemaker-hyperpod-cli.git",
    commit="011ca927123e02b35a399935bbb3ab1905fe33c7",
    path="helm_chart/HyperPodHelmChart",
    tree="1dbdb6e41774ff5d699348a132cd08c3b2d24daf",
    source="aws/sagemaker-hyperpod-cli@011ca92 (2026-06-22): health agent 1.0.1892 ends false GPU alarms",
)

RELEASE_NAME: Final = "hyperpod-dependencies"
RELEASE_NAMESPACE: Final = "kube-system"
HYPERPOD_NAMESPACE: Final = "aws-hyperpod"
"""The namespace that the chart's deep-health-check part creates; HyperPod expects this name."""

CHART_REFERENCE: Final = f"../.charts/{DEPENDENCIES.folder}/{DEPENDENCIES.name}"
"""The chart as seen from `infra/`, where Pulumi runs the program; relative, so that no machine's path gets into the
state."""

AGENT_REGIONS: Final = frozenset(
    {
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
        "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-south-2",
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    }
)  # fmt: skip
"""Regions with an image of the health monitoring agent (charts/health-monitoring-agent/templates/_helpers.tpl).

Elsewhere the chart falls back to the one in us-east-1 without a word.
"""


def values(region: str) -> dict[str, Any]:
    """Chart values for serving: health agent, deep health checks and patching on, all that training needs off.

    `deep-health-check` stays on though no check may be ordered: it creates the namespace of the health agent. Device
    plugins are the stack's own releases. The agent's region is given, since the chart would look for it on nodes that
    are not there yet.
    """
    return {
        "health-monitoring-agent": {"enabled": True, "region": region},
        "deep-health-check": {"enabled": True},
        "hyperpod-patching": {"enabled": True},
        "nvidia-device-plugin": {"devicePlugin": {"enabled": False}},
        "aws-efa-k8s-device-plugin": {"devicePlugin": {"enabled": False}},
        "neuron-device-plugin": {"devicePlugin": {"enabled": False}},
        "gpu-operator": {"enabled": False},
        "trainingOperators": {"enabled": False},
        "mpi-operator": {"enabled": False},
        "job-auto-restart": {"enabled": False},
        "inferenceOperators": {"enabled": False},
        "cert-manager": {"enabled": False},
        "mlflow": {"enabled": False},
        "storage": {"enabled": False},
        "cluster-role-and-bindings": {"enabled": False},
        "namespaced-role-and-bindings": {"enabled": False},
        "team-role-and-bindings": {"enabled": False},
    }


class ChartMismatchError(RuntimeError):
    """What git delivered is not what the pin says; nothing of it is kept."""


def materialise(charts: Path, chart: GitChart = DEPENDENCIES, run: Run | None = None) -> Path:
    """Bring the chart into `charts` (the project's `.charts`), verified and with its subcharts; returns its folder.

    Needs `git` and `helm`, and a network. Does nothing where the chart is there already. Raises `ChartMismatchError`
    where the tree differs, `subprocess.CalledProcessError` where a command fails, `FileNotFoundError` where one is
    missing.
    """
    run = run or _run
    target = charts / chart.folder
    if is_materialised(charts, chart):
        return target / chart.name
    partial = charts / f"{chart.folder}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    checkout = partial / "git"
    checkout.mkdir(parents=True)
    git = ("git", "-C", str(checkout), "-c", "core.autocrlf=false")
    run((*git, "init", "--quiet"))
    run((*git, "fetch", "--quiet", "--depth", "1", chart.repository, chart.commit))
    run((*git, "checkout", "--quiet", "FETCH_HEAD", "--", chart.path))
    found = tree_hash(checkout / chart.path)
    if found != chart.tree:
        shutil.rmtree(partial)
        raise ChartMismatchError(f"{chart.path} of {chart.commit} is tree {found}, the pin says {chart.tree}")
    shutil.move(checkout / chart.path, partial / chart.name)
    shutil.rmtree(checkout)
    run(("helm", "dependency", "build", str(partial / chart.name)))
    (partial / "verified").write_text(_mark(chart, partial / chart.name))
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return target / chart.name


def is_materialised(charts: Path, chart: GitChart = DEPENDENCIES) -> bool:
    """Whether the chart lies in `charts` exactly as `materialise` left it, of the pinned tree."""
    folder = charts / chart.folder
    mark = folder / "verified"
    return mark.is_file() and mark.read_text() == _mark(chart, folder / chart.name)


def _mark(chart: GitChart, folder: Path) -> str:
    return f"pinned {chart.tree}\nbuilt {tree_hash(folder)}\n"


def tree_hash(folder: Path) -> str:
    """Git's SHA-1 of a folder as a tree: what `git rev-parse COMMIT:PATH` prints for the same files.

    git's object format: a tree is its entries sorted by name (a folder's with a slash at the end), each as mode, name,
    zero byte and 20 bytes of hash. Empty folders do not exist for git.
    """
    return _object("tree", b"".join(_entries(folder))).hex()


def _entries(folder: Path) -> Iterator[bytes]:
    entries = [entry for entry in os.scandir(folder) if not (_is_folder(entry) and not any(os.scandir(entry.path)))]
    for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name) + (b"/" if _is_folder(entry) else b"")):
        path = Path(entry.path)
        if entry.is_symlink():
            mode, digest = b"120000", _object("blob", os.fsencode(path.readlink()))
        elif entry.is_dir():
            mode, digest = b"40000", _object("tree", b"".join(_entries(path)))
        else:
            executable = path.stat().st_mode & 0o100
            mode, digest = b"100755" if executable else b"100644", _object("blob", path.read_bytes())
        yield mode + b" " + os.fsencode(entry.name) + b"\0" + digest


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _object(kind: str, content: bytes) -> bytes:
    header = f"{kind} {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).digest()


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})  # noqa: S603 - own commands
