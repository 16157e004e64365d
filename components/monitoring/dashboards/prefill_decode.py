"""Prefill and decode apart: queues of each role, bootstrap and transfer of the KV cache, failures, ratio. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, Threshold
from components.monitoring.dashboards.parts import Parts, kinds
from components.monitoring.dashboards.queries import (
    ITL_SECONDS,
    KV_FULL,
    TTFT_SECONDS,
    choices,
    gauge,
    legend,
    quantile,
    quantiles,
    rate,
    share,
)

_ALL = 'model=~"$model",engine_version=~"$engine_version"'
_PREFILL = f'{_ALL},role="prefill"'
_DECODE = f'{_ALL},role="decode"'
_BOOTSTRAP = {
    "sglang:num_prefill_bootstrap_queue_reqs": "to bootstrap",
    "sglang:num_prefill_prealloc_queue_reqs": "to bootstrap",
}
"""The same queue before and from 0.5.13 on."""


def prefill_decode(parts: Parts) -> Dashboard:
    """The models whose phases are apart."""
    return Dashboard(
        uid="sglang-prefill-decode",
        title="SGLang / Prefill and decode",
        description="Queues of prefill and decode, transfer of the KV cache between them, failures, and their ratio.",
        rows=(_queues(parts), _transfer(parts), _FAILURES, _RATIO, _LATENCY),
        variables=choices(),
        tags=("sglang",),
    )


def _queues(parts: Parts) -> Row:
    waiting = [
        Query(gauge("sum", metric, _PREFILL), f"{{{{model}}}} {words}")
        for metric, words in _BOOTSTRAP.items()
        if kinds(metric, parts.phases_apart)
    ]
    return Row(
        "Queues",
        (
            Panel(
                "Prefill queues",
                "Requests that wait to meet their decode engine (bootstrap), to be computed (queue), and whose KV "
                "cache is under way (in flight). Bootstrap and in flight grow when decode is the narrow place.",
                "short",
                (
                    *waiting,
                    Query(gauge("sum", "sglang:num_queue_reqs", _PREFILL), "{{model}} to compute"),
                    Query(gauge("sum", "sglang:num_prefill_inflight_queue_reqs", _PREFILL), "{{model}} in flight"),
                ),
            ),
            Panel(
                "Decode queues",
                "Requests that wait for room in the KV cache (preallocation), for their KV cache (transfer), and for a "
                "place in the batch (queue). Preallocation grows when decode is too small.",
                "short",
                (
                    Query(gauge("sum", "sglang:num_decode_prealloc_queue_reqs", _DECODE), "{{model}} to allocate"),
                    Query(gauge("sum", "sglang:num_decode_transfer_queue_reqs", _DECODE), "{{model}} in transfer"),
                    Query(gauge("sum", "sglang:num_queue_reqs", _DECODE), "{{model}} to batch"),
                ),
            ),
            Panel(
                "KV cache in use by role",
                "Share of the KV cache in use, of the fullest scheduler of a role.",
                "percentunit",
                (
                    Query(
                        gauge("max", "sglang:token_usage", f'{_ALL},role=~"prefill|decode"', "model, role"),
                        "{{model}} {{role}}",
                    ),
                ),
                KV_FULL,
                maximum=1,
            ),
        ),
    )


def _transfer(parts: Parts) -> Row:
    return Row(
        "Transfer of the KV cache",
        (
            Panel(
                "Transfer speed",
                "Of one request's KV cache, in GB/s. Far below the others of its kind, the traffic does not take EFA.",
                "GBs",
                _figures(parts, "sglang:kv_transfer_speed_gb_s", (0.05, 0.5)),
                width=6,
            ),
            Panel(
                "Transfer latency",
                "How long the transfer of one request's KV cache takes. It is part of the time to first token.",
                "ms",
                _figures(parts, "sglang:kv_transfer_latency_ms", (0.5, 0.95)),
                width=6,
            ),
            Panel(
                "Bootstrap and allocation",
                "How long a request takes to meet its decode engine, and to get room in its KV cache.",
                "ms",
                (
                    *_figures(parts, "sglang:kv_transfer_bootstrap_ms", (0.95,), " bootstrap"),
                    *_figures(parts, "sglang:kv_transfer_alloc_ms", (0.95,), " allocation"),
                ),
                width=6,
            ),
            Panel(
                "Transferred per request",
                "Size of one request's KV cache: it grows with the prompt.",
                "decmbytes",
                _figures(parts, "sglang:kv_transfer_total_mb", (0.5, 0.95)),
                width=6,
            ),
        ),
    )


_FAILURES = Row(
    "Failures",
    (
        Panel(
            "Failed transfers",
            "Requests per second whose KV cache did not arrive. None is normal.",
            "reqps",
            (Query(rate("sglang:num_transfer_failed_reqs_total", _ALL, "model, role"), "{{model}} {{role}}"),),
            (Threshold(0.01, "orange"), Threshold(0.1, "red")),
        ),
        Panel(
            "Failed bootstraps",
            "Requests per second whose prefill and decode engines did not meet. None is normal.",
            "reqps",
            (Query(rate("sglang:num_bootstrap_failed_reqs_total", _ALL, "model, role"), "{{model}} {{role}}"),),
            (Threshold(0.01, "orange"), Threshold(0.1, "red")),
        ),
        Panel(
            "Prefill retries",
            "Requests per second that were computed again.",
            "reqps",
            (Query(rate("sglang:num_prefill_retries_total", _PREFILL), "{{model}}"),),
            (Threshold(0.01, "orange"), Threshold(0.1, "red")),
        ),
    ),
)

_RATIO = Row(
    "Ratio",
    (
        Panel(
            "Groups by role",
            "Groups whose leader answers Prometheus.",
            "short",
            (
                Query(
                    f'sum by (model, role) (up{{lws!="",rank="0",role=~"prefill|decode",{_ALL}}})', "{{model}} {{role}}"
                ),
            ),
        ),
        Panel(
            "Running requests: decode to prefill",
            "Requests that decode runs for each that prefill runs. A change of the mix of prompts and answers moves "
            "it; then the ratio of groups no longer fits.",
            "none",
            (
                Query(
                    share(
                        gauge("sum", "sglang:num_running_reqs", _DECODE),
                        gauge("sum", "sglang:num_running_reqs", _PREFILL),
                    ),
                    "{{model}}",
                ),
            ),
            decimals=1,
        ),
        Panel(
            "Tokens: in for each out",
            "Prompt tokens that prefill computes or finds for each token that decode generates.",
            "none",
            (
                Query(
                    share(
                        rate("sglang:prompt_tokens_total", _PREFILL), rate("sglang:generation_tokens_total", _DECODE)
                    ),
                    "{{model}}",
                ),
            ),
            decimals=1,
        ),
    ),
)

_LATENCY = Row(
    "Latency of clients",
    (
        Panel(
            "Time to first token",
            "As decode engines see it: prefill, transfer and both queues. Aim: p95 below 5 s.",
            "s",
            quantiles("sglang:time_to_first_token_seconds", _DECODE),
            (TTFT_SECONDS,),
        ),
        Panel(
            "Inter-token latency",
            "Time between two tokens of one request. Aim: p95 below 100 ms.",
            "s",
            quantiles("sglang:inter_token_latency_seconds", _DECODE),
            (ITL_SECONDS,),
        ),
        Panel(
            "Stages of both roles, p95",
            "Where a request spends its time, in prefill and in decode engines.",
            "s",
            quantiles("sglang:per_stage_req_latency_seconds", f'{_ALL},role=~"prefill|decode"', "stage", (0.95,)),
            minimum=None,
            logarithmic=True,
        ),
    ),
)


def _figures(parts: Parts, metric: str, shares: tuple[float, ...], words: str = "") -> tuple[Query, ...]:
    """Quantiles where a release has a histogram, the mean of engines where it has a gauge (0.5.8)."""
    found = kinds(metric, parts.phases_apart)
    queries = []
    if "histogram" in found:
        queries += [
            Query(quantile(part, metric, _ALL), f"{legend('model')}{words} p{part * 100:.0f}") for part in shares
        ]
    if "gauge" in found:
        queries.append(Query(gauge("avg", metric, _ALL), f"{legend('model')}{words} mean"))
    return tuple(queries)
