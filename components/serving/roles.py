"""The roles of a model: one where all ranks serve both phases, two where prefill and decode are served apart. Pure.

A role is seen as a model that has it alone, so that whatever holds for a model (its layout, its fit, its nodes) is
asked of each role by the same code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.serving.disaggregation.settings import RoleSettings
from components.serving.group.labels import members
from components.serving.names import DECODE, PREFILL, SERVE, group_name
from components.serving.tuning import TuningSettings
from components.settings import Settings

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

PLACEMENT: Final = ("node_pool", "nodes_per_group", "replicas", "autoscaling", "parallelism", "packing")
"""What a model says itself, or each of its phases, but never both."""

_ADDED: Final = ("arguments", "environment")
FIELDS: Final = {info.alias or name: name for name, info in RoleSettings.model_fields.items()}
"""The fields of a role by the name that users write."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role. `at` is where its settings stand below the model's, empty for the only role of a model; `settings` are
    the model's as they are for this role; `model` is the model as the user wrote it.
    """

    name: str
    at: str
    settings: ModelSettings
    model: ModelSettings

    @property
    def group(self) -> str:
        """Name of its LeaderWorkerSet."""
        return group_name(self.model.name, self.name)

    @property
    def set_name(self) -> str | None:
        """Name of the DisaggregatedSet that makes it; None where it has a LeaderWorkerSet of the program's own."""
        return set_name(self.model, self.name)

    @property
    def pods(self) -> dict[str, str]:
        """Labels of its pods."""
        return members(self.group, self.name, self.set_name)

    @property
    def node_pool(self) -> str | None:
        """Name of its node pool; None where the user named none, which a rule says."""
        return self.settings.node_pool

    def path(self, path: str) -> str:
        """Where the user wrote, or would write, what stands at `path` of a model: below the model, or below the role.

        >>> from components.serving.settings import ModelSettings
        >>> role = {"nodePool": "gpu", "parallelism": {"tensor": 8}}
        >>> split = {"transport": "mooncake-tcp", "prefill": role, "decode": role}
        >>> model = ModelSettings.model_validate({"name": "m", "model": "a/b", "disaggregation": split})
        >>> roles(model)[1].path("parallelism.tensor"), roles(model)[1].path("engine.version")
        ('disaggregation.decode.parallelism.tensor', 'engine.version')
        """
        head = re.split(r"[.\[]", path)[0]
        key = path[len(head) + 1 :]
        field = FIELDS.get(head)
        if not self.at or field is None:
            return path
        own = getattr(self.model.disaggregation, self.name)
        if field in _ADDED:
            inherited = _has_key(self.model, field, key) and not _has_key(own, field, key)
        elif field in TuningSettings.model_fields:
            inherited = _is_given(self.model, path) and not _is_given(own, path)
        else:
            inherited = field not in PLACEMENT and field in self.model.model_fields_set - own.model_fields_set
        return path if inherited else f"{self.at}.{path}"


def roles(model: ModelSettings) -> tuple[Role, ...]:
    """The roles of a model, prefill before decode."""
    split = model.disaggregation
    if split is None or model.role != SERVE:
        return (Role(model.role, "", model, model),)
    return tuple(
        Role(name, f"disaggregation.{name}", _view(model, name, getattr(split, name)), model)
        for name in (PREFILL, DECODE)
    )


def set_name(model: ModelSettings, role: str) -> str | None:
    """Name of the DisaggregatedSet of a model's role; None where it has none."""
    split = model.disaggregation
    return model.name if split and split.in_set and role != SERVE else None


def _view(model: ModelSettings, name: str, role: RoleSettings) -> ModelSettings:
    given = (model.model_fields_set - set(PLACEMENT)) | role.model_fields_set
    return model.in_role(name, _merged(model, role), given)


def _merged(model: ModelSettings, role: RoleSettings) -> dict[str, Any]:
    """The fields of the model that the role decides."""
    own = {name: getattr(role, name) for name in RoleSettings.model_fields}
    changed = {name: value for name, value in own.items() if name in PLACEMENT or value is not None}
    for name in _ADDED:
        kept = {key: value for key, value in getattr(model, name).items() if not _has_key(role, name, key)}
        changed[name] = {**kept, **own[name]}
    return changed | {name: _overlaid(getattr(model, name), own[name]) for name in TuningSettings.model_fields}


def _overlaid(base: Settings | None, own: Settings | None) -> Settings | None:
    """Settings with those that `own` gives in the place of the base's, however deep they are."""
    if base is None or own is None:
        return own or base
    given = {}
    for name in own.model_fields_set:
        value, below = getattr(own, name), getattr(base, name)
        given[name] = _overlaid(below, value) if isinstance(value, Settings) else value
    return base.model_copy(update=given)


def _is_given(settings: Settings, path: str) -> bool:
    """Whether the user wrote what stands at a path below some settings."""
    value: Any = settings
    for part in path.split("."):
        names = {info.alias or name: name for name, info in type(value).model_fields.items()}
        if names.get(part.partition("[")[0]) not in value.model_fields_set:
            return False
        value = getattr(value, names[part.partition("[")[0]])
        if not isinstance(value, Settings):
            return True
    return True


def _has_key(settings: ModelSettings | RoleSettings, field: str, key: str) -> bool:
    """Whether a mapping of flags or variables names one, with or without dashes."""
    return key.removeprefix("--") in {each.removeprefix("--") for each in getattr(settings, field)}
