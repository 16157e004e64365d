"""What several rooms ask of a model's settings: its facts, its ranks, a flag's value. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.facts.model_config import from_config
from components.facts.model_facts import ModelFacts
from components.facts.models import find_model
from components.serving.lora.memory import PER_BATCH, adapters_gib
from components.serving.memory.demands import SLIDING_TO_FULL, Demands
from components.serving.memory.encoder import whole_encoder_gib
from components.serving.memory.ranks import Ranks
from components.serving.names import SERVE
from components.serving.sizing import Sizing, effective_quantization, size
from components.serving.speculative.algorithms import draft_facts
from components.serving.tuning import asked

if TYPE_CHECKING:
    from components.facts.instances import Gpu
    from components.facts.quantizations import Quantization
    from components.serving.engine.settings import ArgumentValue
    from components.serving.settings import ModelSettings


def facts_of(settings: ModelSettings) -> ModelFacts | None:
    """Facts of the model: of its own configuration where that is given, else of the table; None for neither."""
    if settings.configuration is None:
        return find_model(settings.model)
    try:
        return from_config(settings.model, settings.configuration)
    except ValueError:
        return None


def argument(settings: ModelSettings, name: str) -> ArgumentValue | None:
    """The user's value of an engine flag, given without dashes: by name or by a typed setting, or None."""
    found = asked_at(settings, name)
    return found[1] if found else None


def asked_at(settings: ModelSettings, name: str) -> tuple[str, ArgumentValue] | None:
    """The path of the setting that asks for an engine flag, given without dashes, and the flag's value; or None."""
    option = f"--{name}"
    for each in asked(settings, settings.arguments):
        for choice, value in each.choices:
            if choice == option:
                return each.path, value
    return None


def all_to_all(settings: ModelSettings) -> bool:
    """Whether an all-to-all backend carries the experts' tokens."""
    return argument(settings, "moe-a2a-backend") not in (None, "none")


def ranks_of(settings: ModelSettings) -> Ranks:
    """The ranks of one group."""
    given = settings.parallelism
    return Ranks(
        given.tensor,
        given.pipeline,
        given.data,
        given.dp_attention,
        given.expert,
        _integer(settings, "moe-dense-tp-size"),
        all_to_all(settings),
    )


def effective_recipe(settings: ModelSettings) -> Quantization | None:
    """How the weights are held, or None where the model or the quantization is not known."""
    facts = facts_of(settings)
    if facts is None:
        return None
    try:
        return effective_quantization(facts, settings.quantization)
    except ValueError:
        return None


def size_model(settings: ModelSettings, facts: ModelFacts, gpu: Gpu) -> Sizing:
    """Sizing of a model's layout on a GPU; raises ValueError for a KV type or a quantization that is not sized."""
    ranks = settings.parallelism
    return size(
        facts,
        gpu,
        tensor=ranks.tensor,
        pipeline=ranks.pipeline,
        data=ranks.data,
        dp_attention=ranks.dp_attention,
        expert=ranks.expert,
        nodes=settings.nodes_per_group,
        context_length=settings.context_length,
        engine_version=settings.engine.version,
        mem_fraction_static=settings.mem_fraction_static,
        kv_cache_dtype=settings.kv_cache_dtype,
        quantization=settings.quantization,
        cuda_graph_max_bs=settings.cuda_graph_max_batch_size,
        dense_tensor=_integer(settings, "moe-dense-tp-size"),
        all_to_all=all_to_all(settings),
        redundant_experts=_integer(settings, "ep-num-redundant-experts") or 0,
        disaggregation="null" if settings.role == SERVE else settings.role,
        speculative=algorithm_of(settings),
        demands=demands_of(settings),
    )


def algorithm_of(settings: ModelSettings) -> str | None:
    """The algorithm of speculative decoding, or None for none."""
    algorithm = argument(settings, "speculative-algorithm")
    return algorithm if isinstance(algorithm, str) else None


def demands_of(settings: ModelSettings) -> Demands:
    """What settings beside the layout ask of a GPU's memory."""
    ratio = argument(settings, "swa-full-tokens-ratio")
    return Demands(
        prefill_chunk=_integer(settings, "chunked-prefill-size"),
        running_requests=_integer(settings, "max-running-requests"),
        total_tokens=_integer(settings, "max-total-tokens"),
        sliding_to_full=ratio if isinstance(ratio, float) else SLIDING_TO_FULL,
        adapters_gib=_adapters_gib(settings),
        draft=_draft(settings),
        encoder_whole=argument(settings, "mm-enable-dp-encoder") is True,
    )


def _adapters_gib(settings: ModelSettings) -> float:
    facts, lora = facts_of(settings), settings.lora
    if facts is None or lora is None:
        return 0.0
    per_batch = lora.max_loras_per_batch or PER_BATCH
    return adapters_gib(facts, ranks_of(settings), rank=lora.max_rank, per_batch=per_batch, modules=lora.target_modules)


def _draft(settings: ModelSettings) -> ModelFacts | None:
    """The draft model of its own; None for none, and for one whose numbers are not known."""
    try:
        return draft_facts(settings.speculative.draft) if settings.speculative else None
    except ValueError:
        return None


def checkpoint_gib(settings: ModelSettings, sizing: Sizing) -> float:
    """Size of the checkpoint in GiB: as set, or what all ranks of one copy hold together."""
    ranks = settings.parallelism
    held = sizing.weights_gib_per_gpu - sizing.beside_gib_per_gpu - sizing.encoder_gib_per_gpu
    facts = facts_of(settings)
    encoder = whole_encoder_gib(facts) if facts else 0.0
    return settings.weights.size_gib or held * ranks.tensor * ranks.pipeline + encoder


def _integer(settings: ModelSettings, name: str) -> int | None:
    value = argument(settings, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
