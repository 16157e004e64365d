"""Settings of autoscaling: limits, what a group is scaled by, and how fast."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from components.settings import Settings

Groups = Annotated[int, Field(ge=0, le=256)]
"""A number of groups."""

CronExpression = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""Minute, hour, day of the month, month, day of the week; a rule reads it."""


class TriggerSettings(Settings):
    """When another group is added: what one group should bear at most. The one that asks for most groups wins.

    0 leaves a signal out; without a value the role's own default holds.
    """

    queued_requests: Annotated[float, Field(ge=0, le=10000)] | None = None
    """Requests that wait in one group (`sglang:num_queue_reqs`; a prefill group also counts those whose KV cache is on
    its way); by default 8."""
    kv_usage: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of a group's KV cache in use (`sglang:token_usage`); by default 0.8, and left out for prefill, whose cache
    is handed on."""
    ttft_seconds: Annotated[float, Field(ge=0, le=600)] | None = None
    """Seconds to the first token that nine of ten requests keep; by default 2 for prefill, the goal of MLPerf
    Inference's server scenario for Llama 2 70B, and left out elsewhere, since it grows with the prompts too."""
    itl_seconds: Annotated[float, Field(ge=0, le=60)] | None = None
    """Seconds between tokens that nine of ten keep; by default 0.2 for decode (the same goal), left out elsewhere."""


class QuerySettings(Settings):
    """A signal of one's own, from anything that Prometheus has."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=40)]
    """What it is called in the ScaledObject."""
    query: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    """PromQL with one result: the sum over all groups. No result holds the number of groups still."""
    per_group: Annotated[float, Field(gt=0, le=1e9)]
    """What one group should bear of it."""


class CronSettings(Settings):
    """A time of the day or week in which at least so many groups run, whatever the metrics say."""

    start: CronExpression
    """When it begins, e.g. `0 8 * * 1-5`."""
    end: CronExpression
    """When it ends, e.g. `0 18 * * 1-5`."""
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=50)] = "Etc/UTC"
    """Name in the time zone database, e.g. `Europe/Berlin`."""
    replicas: Annotated[int, Field(ge=1, le=256)]
    """The least number of groups meanwhile."""


class StabilisationSettings(Settings):
    """How long a signal has to last. A group takes minutes to load, so that a short burst is over before it helps."""

    up_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    """Seconds for which the signals must ask for more groups."""
    down_seconds: Annotated[int, Field(ge=0, le=3600)] = 900
    """Seconds for which they must ask for fewer: the highest number of this time is kept."""
    down_period_seconds: Annotated[int, Field(ge=1, le=1800)] = 300
    """Seconds between two groups that are taken away; each may finish its requests (`gracePeriodSeconds`)."""


class FallbackSettings(Settings):
    """What happens while Prometheus, or the engines in it, cannot be asked."""

    failures: Annotated[int, Field(ge=1, le=100)] = 3
    """Queries in a row that fail before it counts; until then the number is held anyway."""
    replicas: Groups | None = None
    """The least number of groups meanwhile; by default the number stays what it is, but that a model without a group
    gets one, since nobody could tell whether it is wanted."""


class RatioSettings(Settings):
    """How far the numbers of prefill and decode groups may get apart while they scale."""

    least_decode_per_prefill: Annotated[float, Field(gt=0, le=16)] | None = None
    """The fewest decode groups for each prefill group; by default half of what they begin with."""
    most_decode_per_prefill: Annotated[float, Field(gt=0, le=16)] | None = None
    """The most decode groups for each prefill group; by default double of what they begin with."""


class ZeroSettings(Settings):
    """When the last group goes and the first one comes, where `minReplicas` is 0. That is for models behind the
    gateway: meanwhile it answers with the fallbacks of the name, or with 503, and holds no request back.
    """

    on_request: bool = True
    """Whether a request at the gateway brings a group, which serves minutes later; without it only `cron` does."""
    idle_minutes: Annotated[int, Field(ge=10, le=1440)] = 30
    """Minutes after which the last group goes: without a request, without one that is still answered, and outside the
    times of `cron`."""


class AutoscalingSettings(Settings):
    """Scaling by groups (whole copies of the model) between two limits, on nodes that the pool has already."""

    min_replicas: Groups = 1
    """The fewest groups. 0 is for models behind the gateway (`zero`): with the last group go the metrics of the engine
    that would bring it back."""
    max_replicas: Annotated[int, Field(ge=1, le=256)]
    """The most groups; the pool must have nodes for all of them. Equal to `minReplicas`: nothing scales, and the number
    is the program's again."""
    triggers: TriggerSettings = TriggerSettings()
    """What one group should bear."""
    queries: list[QuerySettings] = Field(default=[], max_length=10)
    """Further signals."""
    cron: list[CronSettings] = Field(default=[], max_length=20)
    """Times with a higher minimum."""
    stabilisation: StabilisationSettings = StabilisationSettings()
    """How fast it follows."""
    fallback: FallbackSettings = FallbackSettings()
    """What to do without metrics."""
    zero: ZeroSettings = ZeroSettings()
    """How it comes to no group and back, with `minReplicas: 0`."""

    @property
    def on(self) -> bool:
        """Whether there is anything to scale: equal limits leave nothing."""
        return self.max_replicas > self.min_replicas

    def start(self, replicas: int) -> int:
        """Groups with which a new LeaderWorkerSet begins: `replicas`, within the limits.

        It is one at least, so that the first update shows whether it serves.
        """
        return max(self.min_replicas, min(replicas, self.max_replicas))
