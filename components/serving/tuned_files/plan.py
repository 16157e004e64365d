"""Tuned files as an engine finds them: a ConfigMap, flags, variables. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.serving.engine.places import Places
from components.serving.engine.typed import Said

if TYPE_CHECKING:
    from components.serving.tuned_files.settings import TunedFilesSettings

MOUNT: Final = "/opt/tuned"
"""Where the ConfigMap is mounted."""

FOLDER_VARIABLE: Final = "SGLANG_MOE_CONFIG_DIR"
"""Names the folder that holds `configs/`; the one in the image is not looked at then."""


@dataclass(frozen=True, slots=True)
class TunedFiles:
    """A ConfigMap of tuned files: `files` are their texts by key, `paths` their places below `mount` by key."""

    name: str
    files: dict[str, str]
    paths: dict[str, str]
    mount: str = MOUNT


def plan_tuned(settings: TunedFilesSettings | None, group: str) -> TunedFiles | None:
    """The ConfigMap of a role's tuned files, or None for none. Its name has a digest of them: a pod template that
    names another one rolls the groups."""
    if settings is None or not settings.fused_moe:
        return None
    files = {
        f"fused-moe-{place}.json": json.dumps(file.content, sort_keys=True)
        for place, file in enumerate(settings.fused_moe)
    }
    paths = {
        f"fused-moe-{place}.json": f"configs/triton_{file.triton.replace('.', '_')}/{file.name}"
        for place, file in enumerate(settings.fused_moe)
    }
    digest = hashlib.sha256(json.dumps([files, paths], sort_keys=True).encode()).hexdigest()[:8]
    return TunedFiles(f"{group}-tuned-{digest}", files, paths)


def environment(settings: TunedFilesSettings | None, places: Places) -> dict[str, str]:
    """Where the engine looks for kernels of experts."""
    if settings and settings.fused_moe:
        return {FOLDER_VARIABLE: MOUNT}
    if settings and settings.fused_moe_path:
        return {FOLDER_VARIABLE: places.file(settings.fused_moe_path)}
    return {}


def said(settings: TunedFilesSettings, places: Places) -> Iterator[Said]:
    """The flag that names the file of expert locations."""
    if settings.expert_location:
        path = places.file(settings.expert_location)
        yield Said("tunedFiles.expertLocation", (("--init-expert-location", path),))
