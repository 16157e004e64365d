"""What clients feel: latency, errors, and the load that leads to both."""

from __future__ import annotations

from typing import Final

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Severity
from components.monitoring.alerts.settings import CHECKLIST, SOURCE_TABLES

ANSWERS: Final = 'endpoint=~"/v1/.+|/generate"'
"""Requests of clients; health checks and scrapes are others."""

_ENGINE: Final = (Exporter.ENGINE,)
_MODEL: Final = ("model",)

_LATENCY: Final = (
    Alert(
        name="TimeToFirstTokenHigh",
        family=Family.LATENCY,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:time_to_first_token_seconds_bucket",),
        labels=_MODEL,
        expression="histogram_quantile(0.95, sum by (model, le)"
        " (rate(sglang:time_to_first_token_seconds_bucket[5m]))) > <timeToFirstTokenSeconds>",
        minutes=10,
        summary="{{ $labels.model }} takes {{ $value | humanizeDuration }} to the first token (p95)",
        description="One request in twenty waits longer than <timeToFirstTokenSeconds> s for its first token.",
        dashboard="sglang-model",
        source=CHECKLIST,
    ),
    Alert(
        name="InterTokenLatencyHigh",
        family=Family.LATENCY,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:inter_token_latency_seconds_bucket",),
        labels=_MODEL,
        expression="histogram_quantile(0.95, sum by (model, le)"
        " (rate(sglang:inter_token_latency_seconds_bucket[5m]))) > <interTokenSeconds>",
        minutes=10,
        summary="{{ $labels.model }} takes {{ $value | humanizeDuration }} between two tokens (p95)",
        description="Streams stutter: one token in twenty comes later than <interTokenSeconds> s after the one before.",
        dashboard="sglang-model",
        source=CHECKLIST,
    ),
    Alert(
        name="QueueTimeHigh",
        family=Family.LATENCY,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:queue_time_seconds_bucket",),
        labels=_MODEL,
        expression="histogram_quantile(0.99, sum by (model, le) (rate(sglang:queue_time_seconds_bucket[5m])))"
        " > <queueSeconds>",
        minutes=10,
        summary="Requests of {{ $labels.model }} wait {{ $value | humanizeDuration }} in the queue (p99)",
        description="One request in a hundred waits longer than <queueSeconds> s before its prefill begins.",
        dashboard="sglang-model",
        source=SOURCE_TABLES,
    ),
)

_ERRORS: Final = (
    Alert(
        name="ErrorRateHigh",
        family=Family.ERRORS,
        severity=Severity.CRITICAL,
        exporters=_ENGINE,
        metrics=("sglang:http_responses_total",),
        labels=_MODEL,
        expression=f'sum by (model) (rate(sglang:http_responses_total{{status_code=~"5..",{ANSWERS}}}[5m]))'
        f" / (sum by (model) (rate(sglang:http_responses_total{{{ANSWERS}}}[5m])) > 0) > <errorRatio>",
        minutes=5,
        summary="{{ $labels.model }} answers {{ $value | humanizePercentage }} of its requests with an error",
        description="The engine answers 5xx to more than <errorRatio> of the requests.",
        dashboard="sglang-overview",
        source=CHECKLIST,
    ),
    Alert(
        name="RequestsAborted",
        family=Family.ERRORS,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:num_aborted_requests_total", "sglang:num_requests_total"),
        labels=_MODEL,
        expression="sum by (model) (rate(sglang:num_aborted_requests_total[10m]))"
        " / (sum by (model) (rate(sglang:num_requests_total[10m])) > 0) > <abortedRatio>",
        minutes=10,
        summary="{{ $value | humanizePercentage }} of the requests of {{ $labels.model }} are aborted",
        description="Clients give up waiting, or the engine cuts requests off, in more than <abortedRatio> of all.",
        dashboard="sglang-model",
        source="sglang num_aborted_requests_total; no guide has a threshold",
    ),
)

_LOAD: Final = (
    Alert(
        name="QueueGrowing",
        family=Family.LOAD,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:num_queue_reqs",),
        labels=_MODEL,
        expression="sum by (model) (sglang:num_queue_reqs) > <queuedRequests>"
        " and on (model) sum by (model) (deriv(sglang:num_queue_reqs[10m])) > 0",
        minutes=5,
        summary="{{ $value | humanize }} requests of {{ $labels.model }} wait, and their number grows",
        description="More requests come than the groups finish.",
        dashboard="sglang-model",
        source="the HyperPod guide's scaling threshold",
    ),
    Alert(
        name="RunningRequestsHigh",
        family=Family.LOAD,
        severity=Severity.INFO,
        exporters=_ENGINE,
        metrics=("sglang:num_running_reqs",),
        labels=("model", "lws", "group"),
        expression="max by (model, lws, group) (sglang:num_running_reqs) > <runningRequests>",
        minutes=15,
        summary="{{ $labels.lws }} group {{ $labels.group }} runs {{ $value | humanize }} requests at once",
        description="Large batches raise throughput and the time between tokens. Read it beside InterTokenLatencyHigh.",
        dashboard="sglang-model",
        source=SOURCE_TABLES,
    ),
    Alert(
        name="BatchSmall",
        family=Family.LOAD,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:num_running_reqs", "sglang:num_queue_reqs"),
        labels=_MODEL,
        expression="avg by (model) (sglang:num_running_reqs) < <batchRequests>"
        " and on (model) sum by (model) (sglang:num_queue_reqs) > 0",
        minutes=10,
        summary="{{ $labels.model }} runs {{ $value | humanize }} requests at once while others wait",
        description="The batch stays small though there is work: the KV cache or a limit holds requests back.",
        dashboard="sglang-model",
        source=SOURCE_TABLES,
    ),
    Alert(
        name="ThroughputLow",
        family=Family.LOAD,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:generation_tokens_total", "sglang:num_queue_reqs"),
        labels=_MODEL,
        expression="sum by (model) (rate(sglang:generation_tokens_total[10m])) < <tokensPerSecond>"
        " and on (model) sum by (model) (sglang:num_queue_reqs) > 0",
        minutes=10,
        summary="{{ $labels.model }} generates {{ $value | humanize }} tokens/s while requests wait",
        description="Fewer than <tokensPerSecond> tokens/s although there is work.",
        dashboard="sglang-model",
        source=SOURCE_TABLES,
    ),
    Alert(
        name="KvCacheNearlyFull",
        family=Family.LOAD,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:token_usage",),
        labels=("model", "lws", "group"),
        expression="max by (model, lws, group) (sglang:token_usage) > <kvCacheRatio>",
        minutes=10,
        summary="{{ $labels.lws }} group {{ $labels.group }} uses {{ $value | humanizePercentage }} of its KV cache",
        description="Above <kvCacheRatio> the engine is about to put running requests back into the queue.",
        dashboard="sglang-model",
        source=SOURCE_TABLES,
    ),
    Alert(
        name="RequestsRetracted",
        family=Family.LOAD,
        severity=Severity.WARNING,
        exporters=_ENGINE,
        metrics=("sglang:num_retracted_requests_total",),
        labels=_MODEL,
        expression="sum by (model) (rate(sglang:num_retracted_requests_total[10m])) > <retractionsPerSecond>",
        minutes=5,
        summary="{{ $labels.model }} retracts {{ $value | humanize }} running requests per second",
        description="The KV cache is full: requests lose what was computed for them and start over.",
        dashboard="sglang-model",
        source="sglang num_retracted_requests_total; no guide has a threshold",
    ),
    Alert(
        name="CacheHitRateLow",
        family=Family.LOAD,
        severity=Severity.INFO,
        exporters=_ENGINE,
        metrics=("sglang:cached_tokens_total", "sglang:prompt_tokens_total"),
        labels=_MODEL,
        expression="sum by (model) (rate(sglang:cached_tokens_total[30m]))"
        " / (sum by (model) (rate(sglang:prompt_tokens_total[30m])) > 0) < <cacheHitRatio>",
        minutes=30,
        summary="{{ $labels.model }} finds {{ $value | humanizePercentage }} of its prompt tokens in the radix cache",
        description="Requests share no prefix, or those that do go to different groups.",
        dashboard="sglang-model",
        source=SOURCE_TABLES,
    ),
)

ALERTS: Final = (*_LATENCY, *_ERRORS, *_LOAD)
"""Latency, errors and load."""
