"""The dashboard that one looks at first: what clients get, how full the stack is, and what it costs. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.cost import cost_row
from components.monitoring.dashboards.health import ERRORS, SHOWN, health_row
from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, Threshold
from components.monitoring.dashboards.parts import Parts
from components.monitoring.dashboards.queries import (
    ANSWERING,
    API,
    COMPUTING,
    ITL_SECONDS,
    KV_FULL,
    TTFT_SECONDS,
    choices,
    pods_of,
    quantiles,
    rate,
)


def overview(parts: Parts) -> Dashboard:
    """All models, or some of them."""
    rows = [
        _now(parts),
        _TRAFFIC,
        _LATENCY,
        health_row(parts),
        *([_gpus(parts)] if parts.gpus else []),
        cost_row(parts),
    ]
    return Dashboard(
        uid="sglang-overview",
        title="SGLang / Overview",
        description="What clients get, how full the stack is, and what it costs.",
        rows=tuple(rows),
        variables=choices(),
        tags=("sglang",),
    )


def _now(parts: Parts) -> Row:
    requests = f"sum(rate(sglang:num_requests_total{{{ANSWERING}}}[$__rate_interval]))"
    ttft = f"sum by (le) (rate(sglang:time_to_first_token_seconds_bucket{{{ANSWERING}}}[$__rate_interval]))"
    itl = f"sum by (le) (rate(sglang:inter_token_latency_seconds_bucket{{{ANSWERING}}}[$__rate_interval]))"
    groups = sum(group.groups for model in parts.models for group in model.groups)
    scraped = f'sum(up{{lws!="",rank="0",{SHOWN}}}) or vector(0)'
    return Row(
        "Now",
        (
            _stat("Requests", "Requests that finished per second.", "reqps", requests),
            _stat(
                "Errors",
                "Share of inference requests that engines answered with a server error.",
                "percentunit",
                f'sum(rate(sglang:http_responses_total{{{API},status_code=~"5..",{ANSWERING}}}[$__rate_interval]))'
                f" / (sum(rate(sglang:http_responses_total{{{API},{ANSWERING}}}[$__rate_interval])) > 0)",
                *ERRORS,
                decimals=2,
            ),
            _stat(
                "TTFT p95",
                "Time to first token that 95 % of requests stay below. Aim: below 5 s.",
                "s",
                f"histogram_quantile(0.95, {ttft})",
                TTFT_SECONDS,
                decimals=2,
            ),
            _stat(
                "ITL p95",
                "Time between two tokens that 95 % stay below. Aim: below 100 ms.",
                "s",
                f"histogram_quantile(0.95, {itl})",
                ITL_SECONDS,
                decimals=1,
            ),
            _stat(
                "Queued requests",
                "Requests that wait for a place in a running batch, over all engines.",
                "short",
                f"sum(sglang:num_queue_reqs{{{SHOWN}}})",
                Threshold(20, "orange"),
                Threshold(100, "red"),
            ),
            _stat(
                "KV cache, fullest",
                "Share of the KV cache in use where it is fullest.",
                "percentunit",
                f"max(sglang:token_usage{{{SHOWN}}})",
                *KV_FULL,
                decimals=0,
            ),
            _stat(
                "Cache hit rate",
                "Share of prompt tokens that were found in the radix cache.",
                "percentunit",
                f"sum(rate(sglang:cached_tokens_total{{{COMPUTING}}}[$__rate_interval]))"
                f" / (sum(rate(sglang:prompt_tokens_total{{{COMPUTING}}}[$__rate_interval])) > 0)",
                Threshold(0.1, "green"),
                base="orange",
                decimals=0,
            ),
            _stat(
                "Leaders up",
                f"Leaders of groups that answer Prometheus; the settings plan {groups}. Autoscaling may change that.",
                "short",
                scraped,
                Threshold(groups, "green"),
                base="orange",
            ),
        ),
    )


_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests",
            "Requests that finished per second, and those that were aborted by their client or by the engine.",
            "reqps",
            (
                Query(rate("sglang:num_requests_total", ANSWERING), "{{model}} finished"),
                Query(rate("sglang:num_aborted_requests_total", ANSWERING), "{{model}} aborted"),
            ),
        ),
        Panel(
            "Tokens in",
            "Prompt tokens per second. Cached tokens were found in the radix cache and not computed again.",
            "suffix: tok/s",
            (
                Query(rate("sglang:prompt_tokens_total", COMPUTING), "{{model}} prompt"),
                Query(rate("sglang:cached_tokens_total", COMPUTING), "{{model}} of them cached"),
            ),
        ),
        Panel(
            "Tokens out",
            "Generated tokens per second.",
            "suffix: tok/s",
            (Query(rate("sglang:generation_tokens_total", ANSWERING), "{{model}}"),),
        ),
    ),
)

_LATENCY = Row(
    "Latency",
    (
        Panel(
            "Time to first token",
            "From the arrival of a request to its first token: queue and prefill. Aim: p95 below 5 s.",
            "s",
            quantiles("sglang:time_to_first_token_seconds", ANSWERING),
            (TTFT_SECONDS,),
        ),
        Panel(
            "Inter-token latency",
            "Time between two tokens of one request. Aim: p95 below 100 ms.",
            "s",
            quantiles("sglang:inter_token_latency_seconds", ANSWERING),
            (ITL_SECONDS,),
        ),
        Panel(
            "End-to-end latency",
            "From the arrival of a request to its last token; it grows with the length of the answer.",
            "s",
            quantiles("sglang:e2e_request_latency_seconds", ANSWERING),
        ),
    ),
)


def _gpus(parts: Parts) -> Row:
    def of_each(metric: str) -> tuple[Query, ...]:
        return tuple(
            Query(
                f'avg({metric}{{exported_namespace="{parts.namespace}",exported_pod=~"{pods_of(model)}"}})', model.name
            )
            for model in parts.models
        )

    return Row(
        "GPUs",
        (
            Panel(
                "GPU utilisation",
                "Share of time in which a kernel ran, mean of a model's GPUs. It says nothing about how much of the "
                "GPU that kernel used.",
                "percent",
                of_each("DCGM_FI_DEV_GPU_UTIL"),
                maximum=100,
                width=12,
            ),
            Panel(
                "Tensor cores active",
                "Share of cycles in which the tensor cores worked, mean of a model's GPUs: what is left of the GPU "
                'under "utilisation".',
                "percentunit",
                of_each("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
                maximum=1,
                width=12,
            ),
        ),
    )


def _stat(
    title: str,
    description: str,
    unit: str,
    expression: str,
    *thresholds: Threshold,
    decimals: int | None = None,
    base: str = "green",
) -> Panel:
    return Panel(
        title,
        description,
        unit,
        (Query(expression, ""),),
        tuple(thresholds),
        kind="stat",
        width=3,
        height=4,
        decimals=decimals,
        base="orange" if base == "orange" else "green",
    )
