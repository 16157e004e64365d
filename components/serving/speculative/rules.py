"""Rules of speculative decoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import SUPPORTED, at_least
from components.rules import Finding, Severity
from components.serving.engine.variables import switched_on
from components.serving.kernels.rules import ATTENTION_FLAGS
from components.serving.lookup import argument, asked_at, facts_of
from components.serving.rule_set import rules
from components.serving.speculative.algorithms import ALGORITHMS, Algorithm, draft_facts, offered
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from components.serving.speculative.settings import SpeculativeSettings

_TREE_PAGES: Final = ("flashinfer", "fa3")
_TREE_PAGES_SINCE: Final = ("0.5.13.post1", "triton")
_RUNNING: Final = 48
_BREADTH: Final = 10
_ADAPTERS_SINCE: Final = "0.5.23"
_ADAPTED: Final = ("NGRAM", "EAGLE", "NEXTN", "EAGLE3", "DFLASH", "DSPARK")


def _given(model: ModelSettings) -> tuple[SpeculativeSettings, Algorithm] | None:
    settings = model.speculative
    algorithm = ALGORITHMS.get(settings.algorithm) if settings else None
    return (settings, algorithm) if settings and algorithm else None


@rules.rule("speculative.algorithm", source="sglang/srt/speculative/spec_info.py of each wheel")
def the_release_has_the_algorithm(model: ModelSettings) -> Iterator[Finding]:
    """Each algorithm came with some release."""
    if model.speculative is None or model.engine.version not in SUPPORTED:
        return
    names = offered(model.engine.version)
    if model.speculative.algorithm not in names:
        yield Finding(
            "speculative.algorithm",
            f"SGLang {model.engine.version} has no speculative algorithm {model.speculative.algorithm}",
            f"use one of {', '.join(names)}",
        )


@rules.rule("speculative.draft", source="sglang 0.5.8 server_args.py _handle_speculative_decoding")
def there_is_a_draft(model: ModelSettings) -> Iterator[Finding]:
    """What drafts is the model's own prediction layers, or a model that the settings name."""
    given, facts = _given(model), facts_of(model)
    if given is None:
        return
    settings, algorithm = given
    named = bool(settings.draft and (settings.draft.model or settings.draft.path))
    if named and not algorithm.separate:
        yield Finding("speculative.draft", f"{algorithm.name} drafts without a model", "remove draft")
    if named or not algorithm.separate:
        return
    if not algorithm.own:
        yield Finding("speculative.draft", f"{algorithm.name} needs a draft model", "set draft.model or draft.path")
    elif facts and not facts.mtp_layers:
        yield Finding(
            "speculative.draft",
            f"{facts.id} has no prediction layers of its own for {algorithm.name}",
            "set draft.model or draft.path, or use NGRAM",
        )


@rules.rule("speculative.draft-place", source="each place has its own field")
def the_draft_has_one_place(model: ModelSettings) -> Iterator[Finding]:
    """A draft comes from the hub, with the model's weights, or from the file system."""
    draft = model.speculative.draft if model.speculative else None
    if draft is None:
        return
    if draft.model and draft.path:
        yield Finding("speculative.draft.path", "a draft has model or path, not both", "remove one of them")
    if draft.revision and not draft.model:
        yield Finding("speculative.draft.revision", "only drafts of the hub have revisions", "remove it")
    if draft.model and not draft.path and model.weights.source is not WeightsSource.HUGGING_FACE:
        yield Finding(
            "speculative.draft.model",
            f"nothing fetches {draft.model}: the weights come from {model.weights.source}",
            "put it on the file system and set draft.path",
        )


@rules.rule("speculative.draft-size", source="components/serving/memory: the draft lies beside the weights")
def the_draft_can_be_sized(model: ModelSettings) -> Iterator[Finding]:
    """How much memory a draft takes follows from its config.json."""
    draft = model.speculative.draft if model.speculative else None
    if draft is None or not (draft.model or draft.path):
        return
    try:
        known = draft_facts(draft)
    except ValueError as error:
        yield Finding("speculative.draft.configuration", str(error), "copy the whole of the draft's config.json")
        return
    if known is None:
        yield Finding(
            "speculative.draft.configuration",
            f"the numbers of {draft.model or draft.path} are not known",
            "put the content of its config.json under configuration",
        )


@rules.rule("speculative.vocabulary", source="sglang: STANDALONE drafts share the model's tokenizer")
def a_standalone_draft_speaks_the_same_tokens(model: ModelSettings) -> Iterator[Finding]:
    """A standalone draft guesses tokens of the model's own vocabulary."""
    given, facts = _given(model), facts_of(model)
    if given is None or given[1].name != "STANDALONE" or facts is None:
        return
    try:
        draft = draft_facts(given[0].draft)
    except ValueError:
        return
    if draft and draft.vocab_size != facts.vocab_size:
        yield Finding(
            "speculative.draft",
            f"{draft.id} has {draft.vocab_size} tokens, {facts.id} has {facts.vocab_size}",
            "use a small model of the same family",
        )


@rules.rule("speculative.numbers", source="sglang 0.5.8 server_args.py: auto_choose_speculative_params")
def the_numbers_come_together(model: ModelSettings) -> Iterator[Finding]:
    """steps, topk and draftTokens are given all or none: the engine chooses all three or none."""
    given = _given(model)
    if given is None or given[1].name == "NGRAM" or not given[1].tree:
        return
    settings = given[0]
    numbers = {"steps": settings.steps, "topk": settings.topk, "draftTokens": settings.draft_tokens}
    missing = [name for name, value in numbers.items() if value is None]
    if missing and len(missing) < len(numbers) and not settings.adaptive:
        yield Finding(
            f"speculative.{missing[0]}",
            f"{' and '.join(name for name in numbers if name not in missing)} without {' and '.join(missing)}",
            "give all three, e.g. steps: 3, topk: 1, draftTokens: 4, or none",
        )


@rules.rule("speculative.chain", source="sglang 0.5.8 server_args.py:2216-2224", severity=Severity.WARNING)
def a_chain_is_as_long_as_its_steps(model: ModelSettings) -> Iterator[Finding]:
    """With one alternative the engine checks steps + 1 tokens, whatever it is told."""
    settings = model.speculative
    if settings and settings.topk == 1 and settings.steps and settings.draft_tokens not in (None, settings.steps + 1):
        yield Finding(
            "speculative.draftTokens",
            f"with topk 1 the engine checks {settings.steps + 1} tokens, not {settings.draft_tokens}",
            f"use {settings.steps + 1}",
        )


@rules.rule("speculative.tree-size", source="sglang/srt/speculative/eagle_utils.py: a tree of steps levels")
def the_tree_has_the_tokens(model: ModelSettings) -> Iterator[Finding]:
    """No more tokens can be checked than the draft has guessed."""
    settings = model.speculative
    if not settings or not (settings.topk and settings.steps and settings.draft_tokens) or settings.topk == 1:
        return
    most = settings.topk + (settings.steps - 1) * settings.topk**2 + 1
    if settings.draft_tokens > most:
        yield Finding(
            "speculative.draftTokens",
            f"{settings.steps} steps of {settings.topk} alternatives guess {most - 1} tokens, and "
            f"{settings.draft_tokens} are to be checked",
            f"use at most {most}",
        )


@rules.rule(
    "speculative.one-branch", source="sglang/srt/arg_groups/speculative_hook.py: _handle_dflash, _handle_dspark"
)
def some_algorithms_follow_one_branch(model: ModelSettings) -> Iterator[Finding]:
    """DFLASH and DSPARK guess a block at once."""
    given = _given(model)
    if given is None or given[1].tree:
        return
    for name, value in (("steps", given[0].steps), ("topk", given[0].topk)):
        if value not in (None, 1):
            yield Finding(f"speculative.{name}", f"{given[1].name} guesses a block at once, not {value}", "remove it")


@rules.rule("speculative.tree-attention", source="sglang/srt/arg_groups/speculative_hook.py: _handle_eagle_family")
def trees_have_attention_for_them(model: ModelSettings) -> Iterator[Finding]:
    """Several alternatives need a back end that can follow them, in pages too."""
    given = _given(model)
    if given is None:
        return
    settings, algorithm = given
    ngram = algorithm.name == "NGRAM"
    breadth = settings.ngram.max_breadth if settings.ngram else None
    alternatives = (breadth or _BREADTH) if ngram else settings.topk or 1
    page = argument(model, "page-size")
    paged = isinstance(page, int) and page > 1
    release, late = _TREE_PAGES_SINCE
    able = ("flashinfer",) if ngram else (*_TREE_PAGES, *((late,) if at_least(model.engine.version, release) else ()))
    for flag in ATTENTION_FLAGS if alternatives > 1 else ():
        path, backend = asked_at(model, flag) or ("", None)
        if backend == "trtllm_mha" and not ngram:
            yield Finding(path, f"trtllm_mha follows one alternative, not {alternatives}", "set speculative.topk: 1")
        elif backend is not None and paged and backend not in able:
            yield Finding(
                path,
                f"{backend} does not follow {alternatives} alternatives in pages of {page}",
                f"use {' or '.join(able)}, or scheduling.pageSize: 1",
            )


@rules.rule("speculative.overlap", source="sglang 0.5.8 server_args.py:2152-2166")
def the_overlapped_draft_follows_one_branch(model: ModelSettings) -> Iterator[Finding]:
    """In 0.5.8 the overlapped schedule for drafts follows one alternative only."""
    settings = model.speculative
    switched = switched_on(model.environment, "SGLANG_ENABLE_SPEC_V2")
    if settings and switched and (settings.topk or 1) > 1 and not at_least(model.engine.version, "0.5.13.post1"):
        yield Finding(
            "speculative.topk",
            f"SGLANG_ENABLE_SPEC_V2 follows one alternative, not {settings.topk}",
            "use topk: 1, or remove the variable",
        )


@rules.rule("speculative.data-parallel", source="sglang/srt/arg_groups/speculative_hook.py: dp attention")
def the_algorithm_knows_attention_ranks(model: ModelSettings) -> Iterator[Finding]:
    """Some algorithms do not work under data-parallel attention."""
    given = _given(model)
    if given is None or not model.parallelism.dp_attention:
        return
    name = given[1].name
    if name in ("STANDALONE", "NGRAM") or (name == "DFLASH" and not at_least(model.engine.version, "0.5.23")):
        yield Finding(
            "speculative.algorithm",
            f"{name} does not work with data-parallel attention",
            "use EAGLE, or no dpAttention",
        )
    elif name in ("DFLASH", "DSPARK") and argument(model, "enable-dp-lm-head") is not True:
        yield Finding(
            "experts.dataParallelHead", f"{name} under data-parallel attention needs its output head", "set it true"
        )


@rules.rule("speculative.mixed-chunk", source="sglang 0.5.8 server_args.py check_server_args")
def drafts_exclude_mixed_chunks(model: ModelSettings) -> Iterator[Finding]:
    """Mixed chunks and speculative decoding exclude each other."""
    path, mixed = asked_at(model, "enable-mixed-chunk") or ("", None)
    if model.speculative and mixed is True:
        yield Finding(path, "mixed chunks do not work with speculative decoding", "remove it")


@rules.rule("speculative.adapters", source="sglang 0.5.8 server_args.py check_lora_server_args; 0.5.23 lora_hook.py")
def adapters_go_with_the_algorithm(model: ModelSettings) -> Iterator[Finding]:
    """LoRA goes with NGRAM only, and from 0.5.23 on with most algorithms."""
    given = _given(model)
    if given is None or model.lora is None:
        return
    able = _ADAPTED if at_least(model.engine.version, _ADAPTERS_SINCE) else ("NGRAM",)
    if given[1].name not in able:
        yield Finding(
            "speculative.algorithm",
            f"SGLang {model.engine.version} does not use adapters with {given[1].name}",
            f"use {' or '.join(able)}, or no lora",
        )


@rules.rule("speculative.ngram", source="sglang: --speculative-ngram-*")
def ngram_settings_need_ngram(model: ModelSettings) -> Iterator[Finding]:
    """What says how NGRAM guesses does nothing for others."""
    given = _given(model)
    if given and given[0].ngram and given[1].name != "NGRAM":
        yield Finding("speculative.ngram", f"{given[1].name} does not read it", "remove it")


@rules.rule("speculative.answers", source="sglang: --speculative-accept-threshold-*", severity=Severity.WARNING)
def answers_stay_the_models_own(model: ModelSettings) -> Iterator[Finding]:
    """Below 1, guesses are taken that the model itself would not have made."""
    settings = model.speculative
    for name, value in (
        ("acceptThresholdSingle", settings.accept_threshold_single if settings else None),
        ("acceptThresholdAccumulated", settings.accept_threshold_accumulated if settings else None),
    ):
        if value is not None and value < 1:
            yield Finding(f"speculative.{name}", f"{value} takes guesses that the model would not make", "remove it")


@rules.rule("speculative.running", source="sglang 0.5.8 server_args.py:2143", severity=Severity.ADVICE)
def the_limit_of_requests_is_chosen(model: ModelSettings) -> Iterator[Finding]:
    """Speculative decoding limits running requests unless told otherwise."""
    if model.speculative and argument(model, "max-running-requests") is None:
        yield Finding(
            "scheduling.maxRunningRequests",
            f"speculative decoding limits running requests to {_RUNNING}",
            "set what the KV cache holds where load is higher",
        )
