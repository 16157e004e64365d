"""Everything that tunes an engine, group by group. A model has these settings, and so may a role of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from components.serving.engine.places import AS_WRITTEN, Companion, Places
from components.serving.engine.typed import Said, given, said
from components.serving.experts.settings import ExpertSettings
from components.serving.hierarchical_cache import flags as _hierarchical_cache
from components.serving.hierarchical_cache.settings import HierarchicalCacheSettings
from components.serving.kernels.settings import KernelSettings
from components.serving.lora import flags as _lora
from components.serving.lora.settings import LoraSettings
from components.serving.multimodal.settings import MultimodalSettings
from components.serving.scheduling.settings import SchedulingSettings
from components.serving.speculative import flags as _speculative
from components.serving.speculative.settings import SpeculativeSettings
from components.serving.tuned_files import plan as _tuned_files
from components.serving.tuned_files.settings import TunedFilesSettings
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
    speculative: SpeculativeSettings | None = None
    """Speculative decoding."""
    lora: LoraSettings | None = None
    """Low-rank adapters."""
    hierarchical_cache: HierarchicalCacheSettings | None = None
    """KV cache in host memory and below."""
    multimodal: MultimodalSettings | None = None
    """Encoder of images, video and audio."""
    tuned_files: TunedFilesSettings | None = None
    """Tuned kernels of experts, DeepEP's configuration, where experts lie at the start."""


def asked(
    tuning: TuningSettings, arguments: Mapping[str, ArgumentValue], places: Places = AS_WRITTEN
) -> Iterator[Said]:
    """Every flag that is asked for: by name in `arguments`, then by the groups."""
    yield from given(arguments)
    for name, field in TuningSettings.model_fields.items():
        yield from said(field.alias or name, getattr(tuning, name))
    if tuning.speculative:
        yield from _speculative.said(tuning.speculative, places)
    if tuning.lora:
        yield from _lora.said(tuning.lora, places)
    if tuning.hierarchical_cache:
        yield from _hierarchical_cache.said(tuning.hierarchical_cache)
    if tuning.tuned_files:
        yield from _tuned_files.said(tuning.tuned_files, places)


def flags(
    tuning: TuningSettings, arguments: Mapping[str, ArgumentValue], release: Engine, places: Places = AS_WRITTEN
) -> dict[str, ArgumentValue]:
    """Flags with their values under the names that a release has; what it lacks is a rule's business."""
    known = [each.known(release) for each in asked(tuning, {}, places)]
    typed = {name: value for name, value in filter(None, known) if value is not False}
    return {**typed, **arguments}


def environment(tuning: TuningSettings, places: Places) -> dict[str, str]:
    """Variables that the groups need."""
    return {
        **_hierarchical_cache.environment(tuning.hierarchical_cache),
        **_tuned_files.environment(tuning.tuned_files, places),
    }


def companions(*tunings: TuningSettings) -> tuple[Companion, ...]:
    """Repositories of the hub that engines of these roles read beside their model, each once."""
    found: dict[Companion, None] = {}
    for tuning in tunings:
        found |= dict.fromkeys(_speculative.companions(tuning.speculative) if tuning.speculative else ())
        found |= dict.fromkeys(_lora.companions(tuning.lora) if tuning.lora else ())
    return tuple(found)
