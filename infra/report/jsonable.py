"""The preview as JSON, in a form that stays: `schemaVersion` grows where a field changes its meaning or goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.offline.recording import Recorded, Secret, Unknown
from infra.plan.order import Order, Step
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.report.problems import problem_json

SCHEMA_VERSION = 1


def preview_json(preview: Preview) -> dict[str, Any]:
    """Everything that a preview knows: `resources`, `waves`, `plan`, `outputs`, `warnings`.

    An unknown is `{"$unknown": "resource.output"}`, its text empty where the source cannot be told; a secret is
    `{"$secret": true}` and its text is nowhere.
    """
    recording = preview.recording
    return {
        "schemaVersion": SCHEMA_VERSION,
        "project": recording.project,
        "stack": recording.stack,
        "resources": [resource_json(resource) for resource in recording.resources],
        "waves": waves_json(preview.order),
        "plan": plan_json(preview),
        "outputs": marked(recording.outputs),
        "warnings": [problem_json(problem) for problem in preview.problems],
        "messages": [{"level": level, "text": text} for level, text in preview.messages],
    }


def resource_json(resource: Recorded) -> dict[str, Any]:
    """One resource."""
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "component": resource.component,
        "parent": resource.parent,
        "provider": resource.provider,
        "depends_on": list(resource.depends_on),
        "property_dependencies": {key: list(urns) for key, urns in resource.property_dependencies.items()},
        "inputs": marked(resource.inputs),
        "protect": resource.protect,
        "retain_on_delete": resource.retain_on_delete,
        "custom_timeouts": dict(resource.custom_timeouts),
        "ignore_changes": list(resource.ignore_changes),
        "replace_on_changes": list(resource.replace_on_changes),
        "delete_before_replace": resource.delete_before_replace,
        "deleted_with": resource.deleted_with,
        "aliases": list(resource.aliases),
        "hooks": list(resource.hooks),
        "made_by": resource.made_by,
    }


def waves_json(order: Order) -> list[dict[str, Any]]:
    """The waves of creation, first to last; times in minutes from the beginning."""
    return [
        {"wave": number, "steps": [step_json(step) for step in wave]}
        for number, wave in enumerate(order.waves, start=1)
    ]


def step_json(step: Step) -> dict[str, Any]:
    """One step; `minutes` is null where the duration is unknown."""
    return {
        "urn": step.resource.urn,
        "minutes": step.estimate.minutes,
        "source": step.estimate.source,
        "starts": step.starts,
        "ends": step.ends,
    }


def marked(value: Any) -> Any:
    """A recorded value with its unknowns and secrets as objects."""
    if isinstance(value, Unknown):
        return {"$unknown": value.source}
    if isinstance(value, Secret):
        return {"$secret": True}
    if isinstance(value, Mapping):
        return {key: marked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [marked(item) for item in value]
    return value
