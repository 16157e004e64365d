"""The container that brings a checkpoint to the node's own NVMe before its engine starts. Pure."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from components.serving.names import STAGING_SCRIPT

if TYPE_CHECKING:
    from components.serving.weights.plan import WeightsPlan

FOLDER: Final = "sglang-weights"
"""Folder on a node's NVMe for checkpoints."""
SCRIPT_FILE: Final = "stage.py"

_SCRIPTS: Final = "/opt/staging"


@cache
def script() -> str:
    """The script that the container runs."""
    return (Path(__file__).parent / SCRIPT_FILE).read_text(encoding="utf-8")


def container(weights: WeightsPlan, image: str, security: dict[str, Any]) -> dict[str, Any]:
    """The container: it reads the shared file system, so that the engine need not read its weights there."""
    return {
        "name": "stage",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"{_SCRIPTS}/{SCRIPT_FILE}"],
        "env": [
            {"name": "SOURCE", "value": weights.model_path},
            {"name": "TARGET", "value": weights.engine_path},
        ],
        # The page cache of what it copies counts as its memory, and is given up first.
        "resources": {"requests": {"cpu": "4", "memory": "4Gi"}, "limits": {"memory": "16Gi"}},
        "securityContext": {**security, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "weights", "mountPath": weights.mount_path, "readOnly": True},
            {"name": "staged-weights", "mountPath": weights.staged_mount},
            {"name": "staging", "mountPath": _SCRIPTS, "readOnly": True},
        ],
    }


def volumes(path: str) -> list[dict[str, Any]]:
    """The folder `path` of the node, and the script."""
    return [
        {"name": "staged-weights", "hostPath": {"path": path, "type": "DirectoryOrCreate"}},
        {"name": "staging", "configMap": {"name": STAGING_SCRIPT}},
    ]
