"""The overview's row of errors, queue and cache. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.model import Panel, Query, Row, Threshold
from components.monitoring.dashboards.parts import Parts
from components.monitoring.dashboards.queries import (
    ANSWERING,
    API,
    COMPUTING,
    KV_FULL,
    QUEUE_SECONDS,
    ROUTERS,
    gauge,
    quantiles,
    rate,
    share,
)

ERRORS = (Threshold(0.01, "orange"), Threshold(0.05, "red"))
SHOWN = 'model=~"$model",engine_version=~"$engine_version"'
"""Series of the models and engine releases that the dashboard's reader has chosen."""


def health_row(parts: Parts) -> Row:
    """Errors, queue and cache of the chosen models."""
    failed = rate("sglang:http_responses_total", f'{API},status_code=~"5..",{ANSWERING}')
    errors = [Query(share(failed, rate("sglang:http_responses_total", f"{API},{ANSWERING}")), "{{model}} engines")]
    if parts.routed:
        failed = rate("smg_http_responses_total", f'status_code=~"5..",{ROUTERS}')
        errors.append(Query(share(failed, rate("smg_http_responses_total", ROUTERS)), "{{model}} routers"))
    return Row(
        "Errors, queue and cache",
        (
            Panel(
                "Errors",
                "Share of requests with a server error (5xx). Routers retry, so that clients see theirs and not the "
                "engines'.",
                "percentunit",
                tuple(errors),
                ERRORS,
                width=6,
            ),
            Panel(
                "Running and queued requests",
                "Requests in the running batches, and those that wait for a place. A queue that stays is a group too "
                "few.",
                "short",
                (
                    Query(gauge("sum", "sglang:num_running_reqs", SHOWN), "{{model}} running"),
                    Query(gauge("sum", "sglang:num_queue_reqs", SHOWN), "{{model}} queued"),
                ),
                width=6,
            ),
            Panel(
                "KV cache in use",
                "Share of the KV cache's tokens in use, of the fullest scheduler. Above 85 % the engine is about to "
                "take requests back.",
                "percentunit",
                (Query(gauge("max", "sglang:token_usage", SHOWN), "{{model}}"),),
                KV_FULL,
                maximum=1,
                width=6,
            ),
            Panel(
                "Cache hit rate",
                "Share of prompt tokens that were found in the radix cache. Below 10 % requests share no prefix, or "
                "the router sends those that do to different groups.",
                "percentunit",
                (
                    Query(
                        share(
                            rate("sglang:cached_tokens_total", COMPUTING), rate("sglang:prompt_tokens_total", COMPUTING)
                        ),
                        "{{model}}",
                    ),
                ),
                maximum=1,
                width=6,
            ),
            Panel(
                "Time in queue",
                "How long requests wait before their prefill. Aim: p99 below 500 ms.",
                "s",
                quantiles("sglang:queue_time_seconds", SHOWN, shares=(0.5, 0.99)),
                (QUEUE_SECONDS,),
            ),
            Panel(
                "Retractions",
                "Requests per second that ran and were put back into the queue because the KV cache was full. Their "
                "tokens are computed twice: too many run at once.",
                "reqps",
                (Query(rate("sglang:num_retracted_requests_total", SHOWN), "{{model}}"),),
                (Threshold(0.1, "orange"),),
            ),
            Panel(
                "Leaders that answer",
                "Leaders of groups that answer Prometheus. Leaders answer the requests of their group.",
                "short",
                (Query(f'sum by (model, role) (up{{lws!="",rank="0",{SHOWN}}})', "{{model}} {{role}}"),),
            ),
        ),
    )
