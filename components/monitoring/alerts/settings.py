"""Settings of the alerts: `monitoring.alerts`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.settings import Settings

Ratio = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Count = Annotated[float, Field(ge=0, le=1_000_000)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>{}]+$", max_length=500)]

SOURCE_TABLES = "the production guide's tables of throughput, latency and resources"
CHECKLIST = "the HyperPod guide's performance checklist"


class ThresholdSettings(Settings):
    """Above (or below) what an alert fires. The defaults are those of the guides that this project is made from, where
    they have one."""

    time_to_first_token_seconds: Seconds = 5
    """p95 of the time to the first token in seconds; the HyperPod guide's performance checklist."""
    inter_token_seconds: Seconds = 0.1
    """p95 of the time between two tokens of a request in seconds; the same checklist."""
    queue_seconds: Seconds = 0.5
    """p99 of the time in the engine's queue in seconds; the production guide's table of latencies."""
    error_ratio: Ratio = 0.01
    """Share of requests that are answered 5xx; the HyperPod guide's performance checklist."""
    aborted_ratio: Ratio = 0.05
    """Share of requests that their client or the engine gave up; no guide has one, clients that leave are common."""
    queued_requests: Count = 50
    """Requests of a model that wait, while their number grows; the HyperPod guide's scaling threshold."""
    running_requests: Count = 100
    """Requests in the running batch of one scheduler; the production guide's table of resources."""
    batch_requests: Count = 4
    """Average running batch below which requests should not be waiting; the production guide's table of throughput."""
    tokens_per_second: Count = 100
    """Generated tokens per second of a model below which requests should not be waiting; the same table."""
    kv_cache_ratio: Ratio = 0.85
    """Share of the KV cache in use, of the fullest scheduler; the production guide's table of resources."""
    cache_hit_ratio: Ratio = 0.1
    """Share of prompt tokens found in the radix cache below which prefixes are not shared; the same table."""
    retractions_per_second: Count = 0.1
    """Running requests put back into the queue per second, because the KV cache was full; no guide has one."""
    group_starts_per_hour: Annotated[float, Field(ge=1, le=60)] = 3
    """Starts of one group in an hour above which it is not a single failure; no guide has one."""
    transfer_failures: Count = 5
    """Failed KV transfers, or failed handshakes before one, of a model in ten minutes; no guide has one."""
    gpu_idle_percent: Annotated[float, Field(ge=0, le=100)] = 5
    """Average utilisation over an hour below which a model's GPUs are idle; no guide has one."""
    gpu_utilisation_percent: Annotated[float, Field(gt=0, le=100)] = 70
    """Average utilisation below which requests should not be waiting; the HyperPod guide's performance checklist."""
    gpu_memory_ratio: Ratio = 0.97
    """Share of GPU memory in use. The production guide's 90 % is exceeded by design: the engine takes its static share
    (0.85 and more) at start, and CUDA graphs and activations come on top."""
    efa_errors: Count = 10
    """EFA errors of a node in ten minutes; single ones are normal."""
    tcp_megabytes_per_second: Annotated[float, Field(gt=0, le=100_000)] = 100
    """MB/s that a pod may send over its network interface where its group's traffic was planned for EFA. Requests and
    answers take a few."""
    volume_ratio: Ratio = 0.9
    """Share of the weights' file system in use."""
    weights_load_ratio: Ratio = 0.7
    """Share of the time that the startup probe allows (`models[].probes`), which loading weights may take."""
    certificate_days: Annotated[float, Field(gt=0, le=365)] = 14
    """Days before the end of a certificate."""
    capacity_days: Annotated[float, Field(gt=0, le=365)] = 7
    """Days before a training plan or capacity block ends."""


class AlertSettings(Settings):
    """Which alerts there are, and above what they fire."""

    enabled: bool = True
    """Make the alerts and recording rules of this stack. The chart's own alerts on Kubernetes stay either way."""
    disabled: list[Annotated[str, StringConstraints(max_length=100)]] = []
    """Names of alerts that are not wanted, e.g. `GpusIdle`."""
    thresholds: ThresholdSettings = ThresholdSettings()
    """Above what they fire."""
    also_scraped: list[Literal["cloudwatchExporter"]] = []
    """Exporters that somebody else runs and this stack's Prometheus scrapes (by a ServiceMonitor of theirs): the
    CloudWatch exporter (`aws_certificatemanager_*`). They switch the alerts on that need them. Of the EFA counters
    `monitoring.efaExporter` says who exports them."""
    runbook_base_url: Url | Literal["docs/runbooks"] = "docs/runbooks"
    """What the runbook links in alerts begin with. By default the folder in this repository; give the address at which
    people on call read it, e.g. `https://github.com/you/sglang-hyperpod/blob/main/docs/runbooks`."""
    grafana_url: Url = "http://localhost:3000"
    """What the dashboard links in alerts begin with. By default where the stack's `grafanaCommand` brings Grafana."""
