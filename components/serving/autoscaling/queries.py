"""The questions to Prometheus, each with one result for all groups of a LeaderWorkerSet. Pure.

`lws`, `group` and `dp_rank` are labels: the first two come from the PodMonitor, the last from engines with data
parallelism. A scheduler reports from each pipeline stage, and each of its tensor ranks could (sglang 0.5.8
scheduler_metrics_mixin.py:92): the highest of them counts once.
"""

from __future__ import annotations

from typing import Final

QUEUE: Final = "sglang:num_queue_reqs"
INFLIGHT: Final = "sglang:num_prefill_inflight_queue_reqs"
PREALLOCATED: Final = "sglang:num_decode_prealloc_queue_reqs"
TRANSFERRING: Final = "sglang:num_decode_transfer_queue_reqs"
KV_USAGE: Final = "sglang:token_usage"
TTFT: Final = "sglang:time_to_first_token_seconds"
ITL: Final = "sglang:inter_token_latency_seconds"

QUEUES: Final = {
    "serve": (QUEUE,),
    "prefill": (QUEUE, INFLIGHT),
    "decode": (QUEUE, PREALLOCATED, TRANSFERRING),
}
"""Where requests wait, by role: a decode group also holds those that wait for KV cache of its own, or for its content
from a prefill group."""

_WINDOW: Final = "5m"
"""More than twice the longest scrape interval."""


def queued(lws: str, role: str) -> str:
    """Requests that wait, over all groups."""
    return " + ".join(_sum(metric, lws) for metric in QUEUES[role])


def kv_usage(lws: str) -> str:
    """Share of the KV cache in use, summed over the groups: 1.6 are two groups at 0.8 each."""
    return f"sum(avg by (group) (max by (group, dp_rank) ({KV_USAGE}{_of(lws)})))"


def latency(metric: str, lws: str) -> str:
    """The 90th percentile of a histogram in seconds, over all requests.

    Without requests it is not a number, which would hold the groups for ever: then it is 0, as long as the engines
    report at all.
    """
    buckets = f"sum by (le) (rate({metric}_bucket{_of(lws)}[{_WINDOW}]))"
    return f"(histogram_quantile(0.9, {buckets}) >= 0) or 0 * {_sum(QUEUE, lws)}"


def _sum(metric: str, lws: str) -> str:
    return f"sum(max by (group, dp_rank) ({metric}{_of(lws)}))"


def _of(lws: str) -> str:
    return f'{{lws="{lws}"}}'
