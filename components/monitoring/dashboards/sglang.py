"""The first dashboard of SGLang: throughput, latency, scheduler, KV cache, each rank, and the GPUs under them. Pure.

Metric names are the engine's own and exist in every supported SGLang release; GPU metrics are among those that the GPU
operator's DCGM exporter collects by default (`dcp-metrics-included.csv` of NVIDIA/dcgm-exporter). The exporter's own
`namespace` and `pod` are those of the exporter, so the pod that holds a GPU is in `exported_namespace`, `exported_pod`.
"""

from __future__ import annotations

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, Threshold, Variable

NAME = "sglang"

_MODELS = 'namespace=~"$namespace",model_name=~"$model_name"'
_PODS = 'exported_namespace=~"$namespace",exported_pod=~"($lws)-.+"'
_RANK = "{{lws}} group {{group}} rank {{rank}}"
_GPU = "{{Hostname}} GPU {{gpu}}"
_QUANTILES = (0.5, 0.95, 0.99)


def _rate(metric: str, by: str = "model_name") -> str:
    return f"sum by ({by}) (rate({metric}{{{_MODELS}}}[$__rate_interval]))"


def _quantiles(histogram: str) -> tuple[Query, ...]:
    return tuple(
        Query(
            f"histogram_quantile({quantile:g}, {_rate(f'{histogram}_bucket', 'model_name, le')})",
            f"{{{{model_name}}}} p{quantile * 100:.0f}",
        )
        for quantile in _QUANTILES
    )


def _model_sum(metric: str) -> str:
    return f"sum by (model_name) ({metric}{{{_MODELS}}})"


def _by_rank(aggregate: str, metric: str) -> str:
    return f"{aggregate} by (lws, group, rank) ({metric}{{{_MODELS}}})"


_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests",
            "Requests that finished per second, and those that were aborted by their client or by the engine.",
            "reqps",
            (
                Query(_rate("sglang:num_requests_total"), "{{model_name}} finished"),
                Query(_rate("sglang:num_aborted_requests_total"), "{{model_name}} aborted"),
            ),
        ),
        Panel(
            "Prompt tokens",
            "Tokens per second that came in. Cached tokens were found in the radix cache and not computed again.",
            "suffix: tok/s",
            (
                Query(_rate("sglang:prompt_tokens_total"), "{{model_name}} prompt"),
                Query(_rate("sglang:cached_tokens_total"), "{{model_name}} of them cached"),
            ),
        ),
        Panel(
            "Generated tokens",
            "Tokens per second that went out.",
            "suffix: tok/s",
            (Query(_rate("sglang:generation_tokens_total"), "{{model_name}}"),),
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
            _quantiles("sglang:time_to_first_token_seconds"),
            (Threshold(5, "red"),),
        ),
        Panel(
            "Inter-token latency",
            "Time between two tokens of one request. Aim: p95 below 100 ms.",
            "s",
            _quantiles("sglang:inter_token_latency_seconds"),
            (Threshold(0.1, "red"),),
        ),
        Panel(
            "End-to-end latency",
            "From the arrival of a request to its last token; it grows with the length of the answer.",
            "s",
            _quantiles("sglang:e2e_request_latency_seconds"),
        ),
    ),
)

_SCHEDULER = Row(
    "Scheduler and cache",
    (
        Panel(
            "Running and queued requests",
            "Requests in the running batch and requests that wait for a place in it. A queue that stays is a group too "
            "few.",
            "short",
            (
                Query(_model_sum("sglang:num_running_reqs"), "{{model_name}} running"),
                Query(_model_sum("sglang:num_queue_reqs"), "{{model_name}} queued"),
            ),
        ),
        Panel(
            "KV cache in use",
            "Share of the KV cache's tokens that are in use, of the fullest scheduler. Above 85 % the engine is about "
            "to take requests back.",
            "percentunit",
            (Query(f"max by (model_name) (sglang:token_usage{{{_MODELS}}})", "{{model_name}}"),),
            (Threshold(0.85, "orange"), Threshold(0.95, "red")),
            maximum=1,
        ),
        Panel(
            "Cache hit rate",
            "Share of prompt tokens that were found in the radix cache. Below 10 % requests share no prefix, or the "
            "router sends those that do to different groups.",
            "percentunit",
            (
                Query(
                    f"{_rate('sglang:cached_tokens_total')} / {_rate('sglang:prompt_tokens_total')}",
                    "{{model_name}}",
                ),
            ),
            maximum=1,
        ),
        Panel(
            "Retractions",
            "Requests per second that were running and were put back into the queue because the KV cache was full. "
            "Their tokens are computed twice: too many run at once.",
            "reqps",
            (Query(_rate("sglang:num_retracted_requests_total"), "{{model_name}}"),),
            (Threshold(0.1, "orange"),),
        ),
        Panel(
            "Time in queue",
            "How long requests wait before their prefill. Aim: p99 below 500 ms.",
            "s",
            _quantiles("sglang:queue_time_seconds"),
            (Threshold(0.5, "red"),),
        ),
        Panel(
            "Generation by scheduler",
            "Generated tokens per second as the schedulers themselves measure them over their last batches.",
            "suffix: tok/s",
            (Query(_model_sum("sglang:gen_throughput"), "{{model_name}}"),),
        ),
    ),
)

_RANKS = Row(
    "Ranks",
    (
        Panel(
            "Scraped ranks",
            "1 where a pod of the group answers Prometheus, 0 where it does not. Every rank of every group is here.",
            "short",
            (Query('min by (lws, group, rank) (up{namespace=~"$namespace",lws=~"$lws"})', _RANK),),
            maximum=1,
        ),
        Panel(
            "Running requests per rank",
            "Only ranks with a scheduler that reports have a series: rank 0 of each group, or with attention data "
            "parallelism every rank.",
            "short",
            (Query(_by_rank("sum", "sglang:num_running_reqs"), _RANK),),
            stacked=True,
        ),
        Panel(
            "KV cache in use per rank",
            "Ranks of one model that differ for long are badly balanced.",
            "percentunit",
            (Query(_by_rank("max", "sglang:token_usage"), _RANK),),
            (Threshold(0.85, "orange"), Threshold(0.95, "red")),
            maximum=1,
        ),
    ),
)

_GPUS = Row(
    "GPUs",
    (
        Panel(
            "GPU utilisation",
            "Share of time in which a kernel ran. It says nothing about how much of the GPU that kernel used.",
            "percent",
            (Query(f"DCGM_FI_DEV_GPU_UTIL{{{_PODS}}}", _GPU),),
            maximum=100,
        ),
        Panel(
            "Tensor cores active",
            'Share of cycles in which the tensor cores worked: what is left of the GPU under "utilisation".',
            "percentunit",
            (Query(f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{{_PODS}}}", _GPU),),
            maximum=1,
        ),
        Panel(
            "GPU memory in use",
            "Share of the frame buffer. SGLang takes its static share at start and keeps it: a flat line is normal.",
            "percentunit",
            (
                Query(
                    f"DCGM_FI_DEV_FB_USED{{{_PODS}}}"
                    f" / (DCGM_FI_DEV_FB_USED{{{_PODS}}} + DCGM_FI_DEV_FB_FREE{{{_PODS}}})",
                    _GPU,
                ),
            ),
            (Threshold(0.97, "red"),),
            maximum=1,
        ),
        Panel(
            "GPU temperature",
            "Data-centre GPUs slow themselves down in the high eighties.",
            "celsius",
            (Query(f"DCGM_FI_DEV_GPU_TEMP{{{_PODS}}}", _GPU),),
            (Threshold(80, "orange"), Threshold(87, "red")),
        ),
        Panel(
            "GPU power",
            "Power drawn by each GPU.",
            "watt",
            (Query(f"DCGM_FI_DEV_POWER_USAGE{{{_PODS}}}", _GPU),),
        ),
        Panel(
            "Last XID error",
            "Code of the GPU's last XID error; 0 is none. 48, 63, 64, 74, 79, 94 and 95 are faults of the hardware.",
            "short",
            (Query(f"DCGM_FI_DEV_XID_ERRORS{{{_PODS}}}", _GPU),),
            (Threshold(1, "red"),),
        ),
    ),
)

_VARIABLES = (
    Variable("namespace", "Namespace", "label_values(sglang:num_running_reqs, namespace)"),
    Variable("model_name", "Model", 'label_values(sglang:num_running_reqs{namespace=~"$namespace"}, model_name)'),
    Variable("lws", "LeaderWorkerSet", f"label_values(sglang:num_running_reqs{{{_MODELS}}}, lws)", hidden=True),
)


def dashboard() -> Dashboard:
    """The dashboard, over all models of a namespace or some of them."""
    return Dashboard(
        uid="sglang",
        title="SGLang",
        description="Throughput, latency, scheduler, KV cache, ranks and GPUs of the served models.",
        rows=(_TRAFFIC, _LATENCY, _SCHEDULER, _RANKS, _GPUS),
        variables=_VARIABLES,
        tags=("sglang",),
    )
