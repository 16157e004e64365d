"""One model: each group and rank, the stages of a request in the engine, speculation and LoRA. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, Threshold
from components.monitoring.dashboards.parts import Parts
from components.monitoring.dashboards.queries import (
    CHOSEN_PODS,
    ENGINES,
    KV_FULL,
    QUEUE_SECONDS,
    UP,
    choices,
    gauge,
    legend,
    quantiles,
    rate,
)

_ROLE = "role"
_GROUP = "role, group"
_RANK = "role, group, rank"


def one_model(parts: Parts) -> Dashboard:
    """One model at a time; roles and groups can be chosen."""
    rows = [_TRAFFIC, _GROUPS, _RANKS, *([_gpus(parts)] if parts.gpus else []), _STAGES, *_extras(parts)]
    return Dashboard(
        uid="sglang-model",
        title="SGLang / Model",
        description="One model: its groups and ranks, the stages of a request in the engine, speculation and LoRA.",
        rows=tuple(rows),
        variables=choices(single_model=True, groups=True),
        tags=("sglang",),
    )


_TRAFFIC = Row(
    "Traffic by role",
    (
        Panel(
            "Requests",
            "Requests that finished per second. Where phases are apart, prefill and decode both see every request.",
            "reqps",
            (Query(rate("sglang:num_requests_total", ENGINES, _ROLE), legend(_ROLE)),),
            width=6,
        ),
        Panel(
            "Tokens",
            "Prompt tokens per second that were computed or found, and tokens that were generated.",
            "suffix: tok/s",
            (
                Query(rate("sglang:prompt_tokens_total", ENGINES, _ROLE), f"{legend(_ROLE)} prompt"),
                Query(rate("sglang:generation_tokens_total", ENGINES, _ROLE), f"{legend(_ROLE)} generated"),
            ),
            width=6,
        ),
        Panel(
            "Time to first token",
            "From a request's arrival at an engine to its first token there.",
            "s",
            quantiles("sglang:time_to_first_token_seconds", ENGINES, _ROLE, (0.5, 0.95)),
            (Threshold(5, "red"),),
            width=6,
        ),
        Panel(
            "Inter-token latency",
            "Time between two tokens of one request.",
            "s",
            quantiles("sglang:inter_token_latency_seconds", f'{ENGINES},role!="prefill"', _ROLE, (0.5, 0.95)),
            (Threshold(0.1, "red"),),
            width=6,
        ),
    ),
)

_GROUPS = Row(
    "Groups",
    (
        Panel(
            "Running requests per group",
            "Requests in the running batch. Groups of one role should carry about the same.",
            "short",
            (Query(gauge("sum", "sglang:num_running_reqs", ENGINES, _GROUP), legend(_GROUP)),),
            width=6,
        ),
        Panel(
            "Queued requests per group",
            "Requests that wait for a place in the batch of their group.",
            "short",
            (Query(gauge("sum", "sglang:num_queue_reqs", ENGINES, _GROUP), legend(_GROUP)),),
            width=6,
        ),
        Panel(
            "Generation per group",
            "Generated tokens per second, as the schedulers measure them over their last batches.",
            "suffix: tok/s",
            (Query(gauge("sum", "sglang:gen_throughput", ENGINES, _GROUP), legend(_GROUP)),),
            width=6,
        ),
        Panel(
            "Retractions per group",
            "Requests per second that were put back into the queue because the KV cache was full.",
            "reqps",
            (Query(rate("sglang:num_retracted_requests_total", ENGINES, _GROUP), legend(_GROUP)),),
            (Threshold(0.1, "orange"),),
            width=6,
        ),
    ),
)

_RANKS = Row(
    "Ranks",
    (
        Panel(
            "Scraped ranks",
            "Whether a pod answers Prometheus. Every rank of every group is here.",
            "short",
            (Query(f'min by ({_RANK}) (up{{lws!="",{ENGINES}}})', legend(_RANK)),),
            kind="state-timeline",
            states=UP,
        ),
        Panel(
            "Running requests per rank",
            "Only ranks with a scheduler that reports have a series: rank 0 of each group, or with attention data "
            "parallelism every rank.",
            "short",
            (Query(gauge("sum", "sglang:num_running_reqs", ENGINES, _RANK), legend(_RANK)),),
            stacked=True,
        ),
        Panel(
            "KV cache in use per rank",
            "Share of a scheduler's KV cache in use. Ranks that differ for long are badly balanced.",
            "percentunit",
            (Query(gauge("max", "sglang:token_usage", ENGINES, _RANK), legend(_RANK)),),
            KV_FULL,
            maximum=1,
        ),
    ),
)

_STAGES = Row(
    "Stages of a request",
    (
        Panel(
            "Time per stage, p95",
            "Where a request spends its time in the engine: waiting, prefill, decode and, where phases are apart, "
            "bootstrap and transfer of the KV cache.",
            "s",
            quantiles("sglang:per_stage_req_latency_seconds", ENGINES, "stage", (0.95,)),
            width=16,
            minimum=None,
            logarithmic=True,
        ),
        Panel(
            "Time in queue",
            "How long requests wait before their prefill. Aim: p99 below 500 ms.",
            "s",
            quantiles("sglang:queue_time_seconds", ENGINES, _ROLE, (0.5, 0.99)),
            (QUEUE_SECONDS,),
        ),
    ),
)


def _gpus(parts: Parts) -> Row:
    pods = f'exported_namespace="{parts.namespace}",exported_pod=~"{CHOSEN_PODS}"'
    by_pod = "{{exported_pod}}"
    return Row(
        "GPUs of the ranks",
        (
            Panel(
                "GPU utilisation per pod",
                "Share of time in which a kernel ran, mean of the pod's GPUs.",
                "percent",
                (Query(f"avg by (exported_pod) (DCGM_FI_DEV_GPU_UTIL{{{pods}}})", by_pod),),
                maximum=100,
            ),
            Panel(
                "Tensor cores active per pod",
                "Share of cycles in which the tensor cores worked, mean of the pod's GPUs.",
                "percentunit",
                (Query(f"avg by (exported_pod) (DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{{pods}}})", by_pod),),
                maximum=1,
            ),
            Panel(
                "Power per pod",
                "Power drawn by the pod's GPUs together.",
                "watt",
                (Query(f"sum by (exported_pod) (DCGM_FI_DEV_POWER_USAGE{{{pods}}})", by_pod),),
            ),
        ),
    )


def _extras(parts: Parts) -> list[Row]:
    """What only some engines do, where some of the stack's do."""
    groups = [group for model in parts.models for group in model.groups]
    panels = []
    if any(group.speculative for group in groups):
        panels += [
            Panel(
                "Speculation: accept rate",
                "Share of drafted tokens that the model accepted. A low rate computes drafts for nothing.",
                "percentunit",
                (Query(gauge("avg", "sglang:spec_accept_rate", ENGINES, _GROUP), legend(_GROUP)),),
                maximum=1,
            ),
            Panel(
                "Speculation: accept length",
                "Tokens that one forward pass brings on average; 1 is none gained.",
                "short",
                (Query(gauge("avg", "sglang:spec_accept_length", ENGINES, _GROUP), legend(_GROUP)),),
            ),
        ]
    if any(group.lora for group in groups):
        panels.append(
            Panel(
                "LoRA slots in use",
                "Adapters in GPU memory, and how many fit. With all slots in use, another adapter pushes one out.",
                "short",
                (
                    Query(gauge("sum", "sglang:lora_pool_slots_used", ENGINES, _GROUP), f"{legend(_GROUP)} used"),
                    Query(gauge("sum", "sglang:lora_pool_slots_total", ENGINES, _GROUP), f"{legend(_GROUP)} slots"),
                ),
            )
        )
    return [Row("Speculation and LoRA", tuple(panels))] if panels else []
