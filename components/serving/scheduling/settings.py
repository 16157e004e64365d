"""Settings of the scheduler: what runs together, what waits, and what is kept.

Every field left out keeps the engine's own default, which the flags' data hold for each release.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.serving.engine.typed import Flag, Switch
from components.settings import PositiveInt, Settings


class PrioritySettings(Settings):
    """Requests with a priority of their own, which goes with the policies fcfs and lof alone."""

    enabled: Annotated[bool | None, Switch(on=("--enable-priority-scheduling",))] = None
    """Schedules by the `priority` of a request."""
    low_values_first: Annotated[bool | None, Switch(on=("--schedule-low-priority-values-first",))] = None
    """Takes the smallest number as the highest priority."""
    preemption_threshold: Annotated[
        Annotated[int, Field(ge=0, le=10**6)] | None, Flag("--priority-scheduling-preemption-threshold")
    ] = None
    """By how much a waiting request must be above a running one to take its place."""
    preemption: Annotated[bool | None, Switch(off=("--disable-priority-preemption",))] = None
    """Whether a request may take the place of a running one at all."""
    default_value: Annotated[int | None, Flag("--default-priority-value")] = None
    """Priority of a request that names none; without it such requests have the label `None` in every metric."""
    abort_when_disabled: Annotated[bool | None, Switch(on=("--abort-on-priority-when-disabled",))] = None
    """Refuses requests that name a priority while priorities are off, where they would silently count for nothing."""


class PrefillDelayerSettings(Settings):
    """Holds prefill back until data-parallel ranks can prefill together, so that none of them waits for the others."""

    enabled: Annotated[bool | None, Switch(on=("--enable-prefill-delayer",))] = None
    """Whether prefill is held back."""
    max_delay_passes: Annotated[PositiveInt | None, Flag("--prefill-delayer-max-delay-passes")] = None
    """Forward passes after which a prefill starts anyway."""
    max_delay_milliseconds: Annotated[Annotated[float, Field(gt=0)] | None, Flag("--prefill-delayer-max-delay-ms")] = (
        None
    )
    """Milliseconds after which a prefill starts anyway."""
    token_usage_low_watermark: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None, Flag("--prefill-delayer-token-usage-low-watermark")
    ] = None
    """Share of the KV cache in use below which nothing is held back."""
    queue_min_ratio: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None, Flag("--prefill-delayer-queue-min-ratio")
    ] = None
    """Share of the ranks that must have a prefill waiting."""


class SchedulingSettings(Settings):
    """Batching, queueing and the prefix cache. What is left out keeps the default of the engine's release."""

    policy: Annotated[str | None, Flag("--schedule-policy")] = None
    """Order of waiting requests, one of the release's choices: `fcfs`, `lpm` (longest cached prefix first), ..."""
    conservativeness: Annotated[Annotated[float, Field(ge=0, le=10)] | None, Flag("--schedule-conservativeness")] = None
    """How much room is kept for what running requests may still generate. Lower it towards 0.3 where requests queue
    and the KV cache is not full, raise it towards 1.3 where many are retracted (sglang hyperparameter_tuning.md)."""
    chunked_prefill_size: Annotated[Annotated[int, Field(ge=-1, le=262144)] | None, Flag("--chunked-prefill-size")] = (
        None
    )
    """Tokens of one prefill chunk, -1 for whole prompts; under data-parallel attention each rank takes its share."""
    max_prefill_tokens: Annotated[Annotated[int, Field(ge=256, le=1048576)] | None, Flag("--max-prefill-tokens")] = None
    """Tokens of all prompts in one prefill batch."""
    prefill_max_requests: Annotated[PositiveInt | None, Flag("--prefill-max-requests")] = None
    """Requests in one prefill batch."""
    max_running_requests: Annotated[Annotated[int, Field(ge=1, le=65536)] | None, Flag("--max-running-requests")] = None
    """Requests that run at once; the engine's own limit comes from the KV cache, and is 48 beside a draft model."""
    max_queued_requests: Annotated[Annotated[int, Field(ge=1, le=10**6)] | None, Flag("--max-queued-requests")] = None
    """Requests that may wait, beyond which the engine refuses; without it the queue has no end."""
    max_total_tokens: Annotated[Annotated[int, Field(ge=1024)] | None, Flag("--max-total-tokens")] = None
    """Upper limit of the KV cache in tokens; the least of it and of what memory gives counts."""
    mixed_chunk: Annotated[bool | None, Switch(on=("--enable-mixed-chunk",))] = None
    """Prefill chunks and decoding in one batch."""
    dynamic_chunking: Annotated[bool | None, Switch(on=("--enable-dynamic-chunking",))] = None
    """Chunks of a size that keeps pipeline stages equally busy."""
    overlap: Annotated[bool | None, Switch(off=("--disable-overlap-schedule",))] = None
    """Whether the CPU plans the next batch while the GPU runs this one."""
    two_batch_overlap: Annotated[bool | None, Switch(on=("--enable-two-batch-overlap",))] = None
    """Two half batches, one of which computes while the other exchanges experts' tokens."""
    two_batch_threshold: Annotated[
        Annotated[float, Field(ge=0, le=0.5)] | None, Flag("--tbo-token-distribution-threshold")
    ] = None
    """Imbalance of the halves from which they are cut by token rather than by request; 0 never."""
    single_batch_overlap: Annotated[bool | None, Switch(on=("--enable-single-batch-overlap",))] = None
    """Overlaps computation and communication within a batch."""
    radix_cache: Annotated[bool | None, Switch(off=("--disable-radix-cache",))] = None
    """Whether prefixes of earlier requests are kept; off only for benchmarks and requests that share nothing."""
    radix_eviction_policy: Annotated[str | None, Flag("--radix-eviction-policy")] = None
    """Which prefix goes first, one of the release's choices: `lru`, `lfu`, ..."""
    page_size: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, Flag("--page-size")] = None
    """Tokens of a page of KV cache; a prefix is reused in whole pages."""
    sliding_to_full_tokens: Annotated[Annotated[float, Field(gt=0, le=1)] | None, Flag("--swa-full-tokens-ratio")] = (
        None
    )
    """Tokens that sliding-window layers keep per token of the full layers."""
    stream_interval: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, Flag("--stream-interval")] = None
    """Tokens after which a stream gets its next piece; larger ones spare CPU and come in bursts."""
    continuous_decode_steps: Annotated[
        Annotated[int, Field(ge=1, le=64)] | None, Flag("--num-continuous-decode-steps")
    ] = None
    """Decode steps between two looks at the queue; more of them raise throughput and time to first token."""
    receive_interval: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, Flag("--scheduler-recv-interval")] = None
    """Scheduler steps between two looks at the socket for new requests."""
    load_balance_method: Annotated[str | None, Flag("--load-balance-method")] = None
    """How requests are shared out over data-parallel ranks, one of the release's choices."""
    retraction_policy: Annotated[str | None, Flag("--retraction-policy")] = None
    """Which request gives way when the KV cache is full: `length` or `priority`."""
    pipeline_max_micro_batch_size: Annotated[PositiveInt | None, Flag("--pp-max-micro-batch-size")] = None
    """Requests of one micro-batch of a pipeline."""
    pipeline_async_batch_depth: Annotated[Annotated[int, Field(ge=0, le=64)] | None, Flag("--pp-async-batch-depth")] = (
        None
    )
    """Micro-batches that a pipeline stage may run ahead."""
    sleep_on_idle: Annotated[bool | None, Switch(on=("--sleep-on-idle",))] = None
    """Spares CPU where no request comes, at the price of a slower first one."""
    priority: PrioritySettings | None = None
    """Requests with priorities."""
    prefill_delayer: PrefillDelayerSettings | None = None
    """Prefill that waits for the other ranks."""
