"""Repositories of the hub that engines read beside their model, drafts and adapters: fetched by the same job. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from components.serving.weights.plan import folder
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from components.serving.plan import ModelPlan
    from components.serving.weights.plan import WeightsPlan


def fetched(weights: WeightsPlan) -> bool:
    """Whether the hub's files are brought to the file system before an engine starts."""
    return weights.mounted and weights.source is WeightsSource.HUGGING_FACE


def sharing(models: Iterable[ModelPlan]) -> list[ModelPlan]:
    """One model for each folder of weights, with what any of the folder's models reads beside it."""
    by_folder: dict[str, list[ModelPlan]] = {}
    for model in models:
        by_folder.setdefault(model.weights.model_path, []).append(model)
    return [
        replace(same[0], companions=tuple(dict.fromkeys(each for model in same for each in model.companions)))
        for same in by_folder.values()
    ]


def listed(model: ModelPlan) -> str:
    """The repositories with their folders as the job reads them; empty for none."""
    mount = model.weights.mount_path
    entries = [
        {"model": each.model, "revision": each.revision, "folder": f"{mount}/{folder(each.model, each.revision)}"}
        for each in model.companions
    ]
    return json.dumps(entries) if entries else ""
