"""Rules of the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.rules import Finding, Severity
from components.serving.lookup import all_to_all, argument, asked_at
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_PRIORITY_POLICIES: Final = ("fcfs", "lof")
_OVERLAP_BY_ATTENTION_SINCE: Final = "0.5.17"
"""Since then two batches overlap without an all-to-all back end too, where attention is data-parallel."""

_DELAYER_ALONE_SINCE: Final = "0.5.13.post1"
"""Since then the prefill delayer works without data-parallel attention too."""


@rules.rule("scheduling.chunk-pages", source="sglang/srt/server_args.py check_server_args: chunked_prefill_size")
def chunks_are_whole_pages(model: ModelSettings) -> Iterator[Finding]:
    """A chunk, or a data-parallel rank's share of it, is a multiple of the page."""
    chunk, page = _whole(model, "chunked-prefill-size"), _whole(model, "page-size") or 1
    ranks = model.parallelism
    share = chunk // ranks.data if chunk and ranks.dp_attention else chunk
    if share and share > 0 and share % page:
        shared = f" over {ranks.data} data-parallel ranks" if share != chunk else ""
        yield Finding(
            _path(model, "chunked-prefill-size"),
            f"a chunk of {chunk} tokens{shared} is no multiple of a page of {page}",
            f"use a multiple of {page * (ranks.data if ranks.dp_attention else 1)}",
        )


@rules.rule("scheduling.chunk-share", source="sglang 0.5.8 server_args.py _handle_data_parallelism")
def a_chunk_leaves_each_rank_something(model: ModelSettings) -> Iterator[Finding]:
    """Under data-parallel attention a chunk is divided by the ranks."""
    chunk, ranks = _whole(model, "chunked-prefill-size"), model.parallelism
    if chunk and 0 < chunk < ranks.data and ranks.dp_attention:
        yield Finding(
            _path(model, "chunked-prefill-size"),
            f"a chunk of {chunk} tokens over {ranks.data} data-parallel ranks is none for each",
            f"use {ranks.data * 1024} or so",
        )


@rules.rule("scheduling.priority-policy", source="sglang/srt/server_args.py check_server_args")
def priorities_go_with_two_policies(model: ModelSettings) -> Iterator[Finding]:
    """Priorities work within fcfs and lof."""
    policy = argument(model, "schedule-policy")
    if argument(model, "enable-priority-scheduling") is True and policy not in (None, *_PRIORITY_POLICIES):
        yield Finding(
            _path(model, "schedule-policy"),
            f"priorities do not work with the policy {policy}",
            "use fcfs or lof, or remove priority",
        )


@rules.rule("scheduling.priority-off", source="sglang/srt/server_args.py check_server_args")
def priority_settings_need_priorities(model: ModelSettings) -> Iterator[Finding]:
    """What says how priorities work does nothing without them."""
    if argument(model, "enable-priority-scheduling") is True:
        return
    names = ("disable-priority-preemption", "default-priority-value", "priority-scheduling-preemption-threshold")
    for name in (*names, "schedule-low-priority-values-first"):
        path, value = asked_at(model, name) or ("", None)
        if value not in (None, False):
            yield Finding(path, f"--{name} does nothing without priorities", "set scheduling.priority.enabled: true")
    if argument(model, "retraction-policy") == "priority":
        yield Finding(
            _path(model, "retraction-policy"),
            "retracting by priority needs priorities",
            "set scheduling.priority.enabled: true",
        )


@rules.rule("scheduling.two-batch", source="sglang/srt/server_args.py _check_two_batch_overlap")
def two_batches_have_something_to_overlap(model: ModelSettings) -> Iterator[Finding]:
    """Two-batch overlap hides the exchange of experts' tokens."""
    path, overlapped = asked_at(model, "enable-two-batch-overlap") or ("", None)
    if overlapped is not True or all_to_all(model):
        return
    by_attention = at_least(model.engine.version, _OVERLAP_BY_ATTENTION_SINCE)
    if not (by_attention and model.parallelism.dp_attention):
        also = " and no data-parallel attention" if by_attention else ""
        yield Finding(
            path,
            f"two-batch overlap has no exchange to hide: no all-to-all back end{also}",
            "remove it, or set experts.allToAll",
        )


@rules.rule("scheduling.two-batch-fusion", source="sglang 0.5.13.post1 server_args.py check_server_args")
def two_batches_do_not_fuse_shared_experts(model: ModelSettings) -> Iterator[Finding]:
    """Two-batch overlap and enforced fusion of shared experts exclude each other."""
    both = argument(model, "enable-two-batch-overlap") is True
    if both and argument(model, "enforce-shared-experts-fusion") is True:
        yield Finding(
            _path(model, "enforce-shared-experts-fusion"),
            "fusing the shared experts and two-batch overlap exclude each other",
            "remove one of them",
        )


@rules.rule("scheduling.overlap-stages", source="sglang/srt/server_args.py _handle_pipeline_parallelism")
def stages_do_not_overlap_their_schedule(model: ModelSettings) -> Iterator[Finding]:
    """Pipeline stages never run with the overlapped schedule."""
    stages = model.parallelism.pipeline
    if model.scheduling and model.scheduling.overlap is True and stages > 1:
        yield Finding(
            "scheduling.overlap",
            f"pipeline {stages} runs without the overlapped schedule",
            "remove it, or set it false",
        )


@rules.rule("scheduling.stages-only", source="sglang: pipeline_parallelism.md")
def stage_settings_need_stages(model: ModelSettings) -> Iterator[Finding]:
    """Micro-batches and dynamic chunks belong to pipelines."""
    if model.parallelism.pipeline > 1:
        return
    for name in ("pp-max-micro-batch-size", "pp-async-batch-depth", "enable-dynamic-chunking"):
        path, value = asked_at(model, name) or ("", None)
        if value not in (None, False, 0):
            yield Finding(path, f"--{name} does nothing with pipeline 1", "remove it")


@rules.rule(
    "scheduling.load-balance",
    source="sglang 0.5.8 server_args.py: _handle_load_balance_method",
    severity=Severity.WARNING,
)
def balancing_needs_ranks(model: ModelSettings) -> Iterator[Finding]:
    """One data-parallel rank gets everything."""
    path, method = asked_at(model, "load-balance-method") or ("", None)
    if method is not None and model.parallelism.data == 1:
        yield Finding(path, f"{method} has one data-parallel rank to choose from", "remove it")


@rules.rule("scheduling.delayer", source="sglang/srt/managers/prefill_delayer.py")
def the_delayer_can_work(model: ModelSettings) -> Iterator[Finding]:
    """The prefill delayer needs the overlapped schedule, and in 0.5.8 data-parallel attention."""
    path, delayed = asked_at(model, "enable-prefill-delayer") or ("", None)
    if delayed is not True:
        return
    if not at_least(model.engine.version, _DELAYER_ALONE_SINCE) and not model.parallelism.dp_attention:
        yield Finding(path, "without data-parallel attention there are no ranks to wait for", "remove it")
    if model.parallelism.pipeline > 1 or argument(model, "disable-overlap-schedule") is True:
        why = f"pipeline {model.parallelism.pipeline}" if model.parallelism.pipeline > 1 else "overlap: false"
        yield Finding(path, f"the delayer needs the overlapped schedule, which {why} turns off", "remove it")


@rules.rule("scheduling.radix", source="sglang docs: radix attention", severity=Severity.WARNING)
def prefixes_are_kept(model: ModelSettings) -> Iterator[Finding]:
    """Without the radix cache every request computes its whole prompt."""
    path, off = asked_at(model, "disable-radix-cache") or ("", None)
    if off is True:
        yield Finding(path, "every request computes its whole prompt, whatever it shares with others", "remove it")


@rules.rule("scheduling.prefix-policy", source="sglang/srt/managers/schedule_policy.py")
def prefix_policies_have_prefixes(model: ModelSettings) -> Iterator[Finding]:
    """Policies by cached prefix fall back to fcfs without the radix cache."""
    policy = argument(model, "schedule-policy")
    if policy in ("lpm", "dfs-weight") and argument(model, "disable-radix-cache") is True:
        yield Finding(
            _path(model, "schedule-policy"),
            f"{policy} orders by cached prefix, and the radix cache is off",
            "use fcfs, or keep the radix cache",
        )


@rules.rule("scheduling.queue", source="sglang: --max-queued-requests has no default", severity=Severity.ADVICE)
def queues_of_entries_have_an_end(model: ModelSettings) -> Iterator[Finding]:
    """Without routers, nothing but the engine refuses requests that would wait for longer than clients do."""
    if model.entry and not model.router and argument(model, "max-queued-requests") is None:
        yield Finding(
            "scheduling.maxQueuedRequests",
            "requests from the load balancer wait without a limit",
            "set it to what clients are willing to wait for, e.g. 256",
        )


def _path(model: ModelSettings, name: str) -> str:
    found = asked_at(model, name)
    return found[0] if found else name


def _whole(model: ModelSettings, name: str) -> int | None:
    value = argument(model, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
