"""Which programs there are, where they are kept, and how a test finds one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Program:
    """One program: the pinned module (a folder beside this file) and the package that `go build` makes it from, `.` for
    one whose `main.go` is in that folder.

    `stamp` is the linker's `-X` assignment by which the program knows its own version. `on_path`: one that the user has
    installed serves as well, since nothing that the tests prove depends on its exact version.
    """

    name: str
    module: str
    package: str
    stamp: str = ""
    on_path: bool = False


PROGRAMS = (
    Program(
        "pulumi",
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=3.259.0",
        on_path=True,
    ),
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Program("lws", "lws", "sigs.k8s.io/lws/cmd"),
    *(
        Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", "k8s.io/component-base/version.gitVersion=v1.34.9")
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ),
    Program("promtool", "prometheus", "github.com/prometheus/prometheus/cmd/promtool"),
    Program("prometheus", "prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
    *(
        Program(f"keda-{name}", "keda", f"github.com/kedacore/keda/v2/cmd/{name}")
        for name in ("operator", "adapter", "webhooks")
    ),
    Program("helm", "helm", "helm.sh/helm/v4/cmd/helm"),
    Program("actionlint", "actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),
    Program("alertmanager", "alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager"),
    Program("collector", "collector", "."),
    Program("loki", "loki", "github.com/grafana/loki/v3/cmd/loki"),
    Program("lws-0.10", "lws-0.10", "sigs.k8s.io/lws/cmd"),
)
"""In the order in which they are built: what most tests need comes first, and last LeaderWorkerSet 0.10, the release
that stacks install, which not every module proxy serves; where it is missing the tests run 0.9.
"""

MODULES = {
    "lws": ("lws", "sigs.k8s.io/lws"),
    "keda": ("keda", "github.com/kedacore/keda/v2"),
    "kwok": ("kwok", "sigs.k8s.io/kwok"),
    "kubernetes": ("kubernetes", "k8s.io/kubernetes"),
    "prometheus-operator": ("crds", "github.com/prometheus-operator/prometheus-operator"),
}
"""Sources whose files the tests read (CRDs, stages, names of metrics): name -> folder beside this file, module path."""


def cache_home() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/sglang-hyperpod/tools`."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "sglang-hyperpod" / "tools"


@cache
def cache_folder(module: str) -> Path:
    """Where the programs of a module are kept, `<module>-<hash of its files>`: another pin is another folder."""
    pins = hashlib.sha256()
    for path in sorted(path for path in (HERE / module).iterdir() if path.is_file()):
        pins.update(path.name.encode() + b"\0" + path.read_bytes())
    return cache_home() / f"{module}-{pins.hexdigest()[:16]}"


def find(name: str) -> Path | None:
    """The program `name`, or None where it has not been built (`make tools`). An unknown name is a KeyError."""
    program = {known.name: known for known in PROGRAMS}[name]
    if program.on_path and (installed := shutil.which(name)):
        return Path(installed)
    built = cache_folder(program.module) / name
    return built if built.exists() else None


def plugin(name: str) -> Path | None:
    """The real Pulumi provider `name` where the user has it: on PATH, or the newest in the plugin cache. It is not to
    be had from the package registries.
    """
    executable = f"pulumi-resource-{name}"
    if installed := shutil.which(executable):
        return Path(installed)
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    cached = [path for path in home.glob(f"plugins/resource-{name}-v*/{executable}") if path.is_file()]
    return max(cached, key=lambda path: _version(path.parent.name), default=None)


def _version(folder: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder))


@cache
def source(name: str) -> Path | None:
    """The folder of a pinned module's sources (a key of `MODULES`), read-only; None without Go or the module proxy."""
    folder, module = MODULES[name]
    if not shutil.which("go"):
        return None
    done = subprocess.run(
        ["go", "mod", "download", "-json", module], cwd=HERE / folder, capture_output=True, text=True, check=False
    )
    return Path(json.loads(done.stdout)["Dir"]) if done.returncode == 0 else None
