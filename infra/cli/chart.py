"""`chart`: the HyperPod dependency chart, brought here and verified."""

from __future__ import annotations

import subprocess

from infra.cli.console import fail, out, step
from infra.cli.source import project_root

FOLDER = ".charts"
"""The ignored folder beside `Pulumi.yaml` in which the chart lies."""


def chart() -> None:
    """Clone the HyperPod dependency chart at its pinned commit, compare its tree hash, and build its dependencies.

    Needs git, helm and a network. `pulumi preview` and `pulumi up` of a HyperPod stack need the chart; `sglang-hyperpod
    preview` does not.
    """
    from components.aws.hyperpod.chart import DEPENDENCIES, ChartMismatchError, materialise

    try:
        with step(f"fetching {DEPENDENCIES.name} at {DEPENDENCIES.commit[:12]}"):
            folder = materialise(project_root() / FOLDER)
    except ChartMismatchError as error:
        fail(str(error))
    except FileNotFoundError as error:
        fail(f"{error.filename} is not installed; `chart` needs git and helm")
    except subprocess.CalledProcessError as error:
        fail(f"`{' '.join(error.cmd)}` failed with status {error.returncode}")
    out().print(f"{folder.relative_to(project_root())}: commit {DEPENDENCIES.commit}, tree {DEPENDENCIES.tree}")
