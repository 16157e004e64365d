"""Everything that tunes an engine, group by group. A model has these settings, and so may a role of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from components.serving.engine.typed import Said, given, said
from components.serving.experts.settings import ExpertSettings
from components.serving.kernels.settings import KernelSettings
from components.serving.multimodal.settings import MultimodalSettings
from components.serving.scheduling.settings import SchedulingSettings
from components.settings import Settings

if TYPE_CHECKING:
    from components.facts.engines import Engine
    from components.serving.engine.settings import ArgumentValue


class TuningSettings(Settings):
    """What tunes an engine. Each group is optional, and what it leaves out keeps the engine's own default."""

    scheduling: SchedulingSettings | None = None
    """Batching, queueing and the prefix cache."""
    kernels: KernelSettings | None = None
    """Back ends of attention, sampling and grammars, CUDA graphs, compilation, collectives."""
    experts: ExpertSettings | None = None
    """How a mixture of experts is spread."""
    multimodal: MultimodalSettings | None = None
    """Encoder of images, video and audio."""


def asked(tuning: TuningSettings, arguments: Mapping[str, ArgumentValue]) -> Iterator[Said]:
    """Every flag that is asked for: by name in `arguments`, then by the groups."""
    yield from given(arguments)
    for name, field in TuningSettings.model_fields.items():
        yield from said(field.alias or name, getattr(tuning, name))


def flags(tuning: TuningSettings, arguments: Mapping[str, ArgumentValue], release: Engine) -> dict[str, ArgumentValue]:
    """Flags with their values under the names that a release has; what it lacks is a rule's business."""
    known = [each.known(release) for each in asked(tuning, {})]
    typed = {name: value for name, value in filter(None, known) if value is not False}
    return {**typed, **arguments}
