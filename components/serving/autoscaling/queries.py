"""The questions to Prometheus, each with one result for all groups of a LeaderWorkerSet. Pure.

`lws`, `group` and `dp_rank` are labels: the first two come from the PodMonitor, the last from engines with data
parallelism. A scheduler reports from each pipeline stage, and each of its tensor ranks could (sglang 0.5.8
scheduler_metrics_mixin.py:92): the highest of them counts once.
"""

from __future__ import annotations

from typing import Final

from components.serving.names import NAMESPACE

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

RUNNING: Final = "sglang:num_running_reqs"

REQUESTS: Final = "litellm_deployment_total_requests_total"
"""Requests that the gateway sent, or tried to send, to an address (`api_base`). Of its counters it is the only one that
counts them for the model that was meant, while another one answers in its place (litellm 1.108.7, seen)."""

_WINDOW: Final = "5m"
"""More than twice the longest scrape interval."""

RECENT_SECONDS: Final = 300
"""`_WINDOW`: for so long a request counts as just come."""


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


def asleep(lws: str) -> str:
    """0 where there are to be no groups; no result where there are. LeaderWorkerSet keeps a StatefulSet of leaders."""
    return f"max({_leaders(lws)} == 0)"


def _leaders(lws: str) -> str:
    return f'kube_statefulset_replicas{{namespace="{NAMESPACE}",statefulset="{lws}"}}'


def or_asleep(query: str, lws: str) -> str:
    """A question to engines of which there may be none: then the answer is 0, and not that nobody answers."""
    return f"({query}) or {asleep(lws)}"


def wanted(lws: str, endpoint: str | None) -> str:
    """1 where a group is needed: a request waits or is answered, or came just now to the gateway for `endpoint`. An
    engine that is to be there and does not say is starting, and needed.

    No result where nobody knows whether it is to be there, or the gateway cannot be asked. A counter begins with its
    first request, which `increase` does not see: what was not there before counts whole.
    """
    busy = f"(({_sum(RUNNING, lws)} + {_sum(QUEUE, lws)}) or max({_leaders(lws)}) > bool 0)"
    if endpoint is None:
        return f"{busy} > bool 0"
    came = f'{REQUESTS}{{api_base="{endpoint}"}}'
    new = f"(sum(increase({came}[{_WINDOW}])) or vector(0)) + (sum({came} unless {came} offset {_WINDOW}) or vector(0))"
    return f'({busy} + {new} > bool 0) and on () (max(up{{role="gateway"}}) == 1)'


def _sum(metric: str, lws: str) -> str:
    return f"sum(max by (group, dp_rank) ({metric}{_of(lws)}))"


def _of(lws: str) -> str:
    return f'{{lws="{lws}"}}'
