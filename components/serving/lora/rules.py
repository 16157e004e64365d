"""Rules of LoRA adapters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.rules import Finding, Severity
from components.serving.lookup import facts_of
from components.serving.lora.memory import EMBEDDINGS, MLP, PER_BATCH, normalized
from components.serving.rule_set import rules
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from components.serving.lora.settings import LoraSettings
    from components.serving.settings import ModelSettings

_NEWER: Final = "0.5.13.post1"
"""Since then adapters reach experts and latent attention, and the chunked kernels reach embeddings."""


def _per_batch(lora: LoraSettings | None) -> int:
    return lora.max_loras_per_batch or PER_BATCH if lora else PER_BATCH


@rules.rule("lora.place", source="each place has its own field")
def an_adapter_has_one_place(model: ModelSettings) -> Iterator[Finding]:
    """An adapter comes from the hub, with the model's weights, or from the file system."""
    for index, adapter in enumerate(model.lora.adapters if model.lora else ()):
        at = f"lora.adapters[{index}]"
        if bool(adapter.model) == bool(adapter.path):
            yield Finding(at, f"{adapter.name} needs model or path, one of them", "set path, e.g. /adapters/sql")
        if adapter.revision and not adapter.model:
            yield Finding(f"{at}.revision", "only adapters of the hub have revisions", "remove it")
        if adapter.model and not adapter.path and model.weights.source is not WeightsSource.HUGGING_FACE:
            yield Finding(
                f"{at}.model",
                f"nothing fetches {adapter.model}: the weights come from {model.weights.source}",
                "put it on the file system and set path",
            )


@rules.rule("lora.names", source="sglang/srt/lora/lora_registry.py")
def adapters_have_names_of_their_own(model: ModelSettings) -> Iterator[Finding]:
    """Requests choose an adapter by its name."""
    names = Counter(adapter.name for adapter in (model.lora.adapters if model.lora else ()))
    for index, adapter in enumerate(model.lora.adapters if model.lora else ()):
        if names[adapter.name] > 1:
            yield Finding(
                f"lora.adapters[{index}].name", f"{names[adapter.name]} adapters are {adapter.name}", "rename"
            )


@rules.rule("lora.modules", source="sglang 0.5.8 server_args.py check_lora_server_args")
def modules_are_known_before_adapters_are(model: ModelSettings) -> Iterator[Finding]:
    """Without adapters at the start the engine must be told which modules later ones change."""
    lora = model.lora
    if lora and not lora.adapters and lora.target_modules is None:
        yield Finding("lora.targetModules", "there are no adapters to take it from", "set it, e.g. [all]")
    if lora and lora.target_modules and "all" in lora.target_modules and len(lora.target_modules) > 1:
        yield Finding("lora.targetModules", "all goes with no other module", "use [all]")


@rules.rule("lora.loaded", source="sglang 0.5.8 server_args.py check_lora_server_args")
def cpu_memory_holds_what_a_batch_uses(model: ModelSettings) -> Iterator[Finding]:
    """Adapters in CPU memory are at least those of a batch, and all that are loaded at the start."""
    lora = model.lora
    if lora is None or lora.max_loaded is None:
        return
    batch = _per_batch(lora)
    if lora.max_loaded < batch:
        yield Finding(
            "lora.maxLoaded", f"{lora.max_loaded} loaded adapters are less than the {batch} of a batch", f"use {batch}"
        )
    if lora.max_loaded < len(lora.adapters):
        yield Finding(
            "lora.maxLoaded",
            f"{len(lora.adapters)} adapters are to be loaded, and {lora.max_loaded} may be",
            f"use {len(lora.adapters)} or more",
        )


@rules.rule("lora.overlap", source="sglang 0.5.8 server_args.py check_lora_server_args")
def pinned_host_memory_is_bounded(model: ModelSettings) -> Iterator[Finding]:
    """Overlapped loading pins host memory, for twice the adapters of a batch at most."""
    lora = model.lora
    most = 2 * _per_batch(lora)
    if lora and lora.overlap_loading and (lora.max_loaded is None or lora.max_loaded > most):
        yield Finding(
            "lora.maxLoaded",
            f"overlapped loading wants at most {most} loaded adapters, not {lora.max_loaded or 'any number'}",
            f"set it to {most}",
        )


@rules.rule("lora.pinned", source="sglang 0.5.8 lora/lora_manager.py:181-187")
def a_slot_stays_free(model: ModelSettings) -> Iterator[Finding]:
    """Pinned adapters leave a slot for the others and for the bare model."""
    lora = model.lora
    pinned = sum(adapter.pinned for adapter in (lora.adapters if lora else ()))
    slots = _per_batch(lora)
    if pinned >= slots:
        yield Finding(
            "lora.maxLorasPerBatch",
            f"{pinned} pinned adapters leave none of {slots} slots",
            f"use {pinned + 1} or more, or pin fewer",
        )


@rules.rule("lora.release", source="sglang 0.5.8 lora/layers.py, --lora-target-modules; 0.5.13.post1 FusedMoEWithLoRA")
def the_release_adapts_the_modules(model: ModelSettings) -> Iterator[Finding]:
    """0.5.8 adapts no experts, no latent attention, and no embeddings with its default kernels."""
    lora, facts = model.lora, facts_of(model)
    if lora is None or facts is None or at_least(model.engine.version, _NEWER):
        return
    modules = normalized(facts, lora.target_modules)
    if facts.mla:
        yield Finding("lora", f"SGLang 0.5.8 has no adapters for latent attention, which {facts.id} has", "use 0.5.17")
    elif facts.moe and modules & set(MLP):
        yield Finding(
            "lora.targetModules",
            f"SGLang 0.5.8 adapts no experts, which {facts.id} has",
            "use [q_proj, k_proj, v_proj, o_proj], or engine.version 0.5.17",
        )
    if modules & set(EMBEDDINGS) and lora.backend in (None, "csgmv"):
        yield Finding("lora.backend", "csgmv adapts no embeddings in SGLang 0.5.8", "use triton")


@rules.rule("lora.runtime-ranks", source="sglang 0.5.8 managers/tokenizer_communicator_mixin.py: load_lora_adapter")
def adapters_can_be_loaded_later(model: ModelSettings) -> Iterator[Finding]:
    """Adapters are not loaded at run time into several copies of one engine."""
    ranks = model.parallelism
    by_attention = ranks.dp_attention and at_least(model.engine.version, "0.5.17")
    if model.lora and not model.lora.adapters and ranks.data > 1 and not by_attention:
        yield Finding(
            "lora.adapters",
            f"no adapter can be loaded at run time with data {ranks.data}",
            f"name the adapters here, or use replicas: {model.replicas * ranks.data}",
        )


@rules.rule(
    "lora.runtime-groups", source="sglang: /load_lora_adapter is a call to one engine", severity=Severity.ADVICE
)
def every_group_gets_the_adapter(model: ModelSettings) -> Iterator[Finding]:
    """An adapter loaded at run time is in one group, until it restarts."""
    if model.lora and not model.lora.adapters:
        groups = "each group" if model.replicas > 1 else "the group"
        yield Finding(
            "lora.adapters", f"adapters loaded at run time are to be loaded into {groups} after each start", "name them"
        )


@rules.rule("lora.runtime-key", source="sglang 0.5.8 http_server.py: /load_lora_adapter", severity=Severity.WARNING)
def strangers_load_no_adapters(model: ModelSettings) -> Iterator[Finding]:
    """Without a key, whoever reaches the engine loads adapters."""
    if model.lora and model.entry and not model.router and not model.client_key_secret:
        yield Finding(
            "apiKeySecret",
            "whoever reaches the entry may load and unload adapters",
            "name a secret with a key, or use a router",
        )
