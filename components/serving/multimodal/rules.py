"""Rules of multimodal models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, Severity
from components.serving.lookup import argument, asked_at, facts_of
from components.serving.rule_set import rules
from components.serving.tuning import asked

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings


@rules.rule("multimodal.text-only", source="config.json: vision_config")
def encoders_are_set_where_there_are_any(model: ModelSettings) -> Iterator[Finding]:
    """A model of text alone has no encoder."""
    facts = facts_of(model)
    if facts is None or facts.vision:
        return
    for each in asked(model, {}):
        if each.path.startswith("multimodal."):
            yield Finding(each.path, f"{facts.id} reads text only", "remove multimodal")
            return


@rules.rule(
    "multimodal.memory",
    source="sglang 0.5.8 server_args.py:1036: adjust_mem_fraction_for_vlm",
    severity=Severity.WARNING,
)
def encoders_have_memory(model: ModelSettings) -> Iterator[Finding]:
    """An encoder whose family is not known is not sized here, and the engine's own reserve for it is overruled."""
    facts = facts_of(model)
    if facts and facts.vision and facts.encoder is None and model.mem_fraction_static is None:
        yield Finding(
            "memFractionStatic",
            f"the encoder of {facts.id} is not sized here and may run out of memory beside the default fraction",
            "set it, e.g. 0.75, and raise it after a look at the free memory in the log",
        )


@rules.rule("multimodal.limit", source="sglang: --limit-mm-data-per-request", severity=Severity.ADVICE)
def inputs_of_a_request_are_limited(model: ModelSettings) -> Iterator[Finding]:
    """One request with many images takes the encoder from all others."""
    facts = facts_of(model)
    if facts and facts.vision and argument(model, "limit-mm-data-per-request") is None:
        yield Finding(
            "multimodal.limitPerRequest", "a request may hold any number of images", "set it, e.g. {image: 8, video: 1}"
        )


@rules.rule("multimodal.data-parallel-encoder", source="sglang: --mm-enable-dp-encoder", severity=Severity.WARNING)
def the_encoder_has_ranks_to_share(model: ModelSettings) -> Iterator[Finding]:
    """One tensor rank encodes everything anyway."""
    path, shared = asked_at(model, "mm-enable-dp-encoder") or ("", None)
    if shared is True and model.parallelism.tensor == 1:
        yield Finding(path, "tensor 1 has nobody to share images with", "remove it")
