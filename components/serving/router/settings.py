"""Settings of the SGLang router of a model: `models[].router`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.serving.engine.settings import Arguments, Environment, Tag
from components.settings import PositiveInt, Quantity, Repository, Settings, Sha256Digest

Policy = Literal["cache_aware", "random", "round_robin", "power_of_two", "manual"]
"""How release 0.3.2 chooses a group; `least_load` and `consistent_hashing` came later (lightseekorg/smg)."""

PrefillPolicy = Literal["cache_aware", "random", "round_robin", "power_of_two", "manual", "bucket"]
"""How release 0.3.2 chooses a prefill group; `bucket` goes by the length of prompts."""

Seconds = Annotated[int, Field(ge=1, le=7200)]


class RouterImageSettings(Settings):
    """The router's image. With nothing given, the release whose flags are known here."""

    repository: Repository | None = None
    """Repository, e.g. a mirror in your own registry; it carries the known tag unless one is given."""
    tag: Tag | None = None
    """Exact tag."""
    digest: Sha256Digest | None = None
    """Digest; `sglang-hyperpod pin` writes it. It wins over the tag."""


class CacheAwareSettings(Settings):
    """When `cache_aware` follows a prompt's prefix, and when it levels the load instead."""

    threshold: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of a prompt that a group must have seen for the prompt to follow it there; below it the group with the
    fewest requests under way is taken."""
    balance_absolute: PositiveInt = 64
    """Requests by which the busiest group may lead the idlest before load decides; both conditions must hold. Where all
    prompts begin alike, one group gets as many before another gets any."""
    balance_relative: Annotated[float, Field(ge=1, le=100)] = 1.5
    """Factor by which the busiest group may lead the idlest before load decides."""
    eviction_interval_seconds: Seconds = 60
    """Seconds between trims of the prefix trees."""
    max_tree_size: Annotated[int, Field(ge=1024, le=2**32)] = 2**26
    """Characters that one prefix tree keeps; it is the router's largest use of memory."""


class RetrySettings(Settings):
    """A request that fails before its first byte goes to another group: on 408, 429, 500, 502, 503 and 504."""

    enabled: bool = True
    """Whether to retry at all."""
    max_retries: Annotated[int, Field(ge=1, le=20)] = 5
    """Attempts beyond the first."""
    initial_backoff_milliseconds: Annotated[int, Field(ge=1, le=60_000)] = 50
    """Wait before the first retry in ms."""
    max_backoff_milliseconds: Annotated[int, Field(ge=1, le=600_000)] = 30_000
    """Longest wait between two retries in ms."""
    backoff_multiplier: Annotated[float, Field(ge=1, le=10)] = 1.5
    """Factor from one wait to the next."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Random share of each wait, so that clients of one failure do not come back together."""


class CircuitBreakerSettings(Settings):
    """A group that fails request after request gets none for a while: sooner than its health check would say so, and
    also where the watch of the pods missed a deletion (sgl-model-gateway src/service_discovery.rs).
    """

    enabled: bool = True
    """Whether failing groups are taken out."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 10
    """Failures that open the circuit."""
    success_threshold: Annotated[int, Field(ge=1, le=1000)] = 3
    """Successes on trial that close it again."""
    open_seconds: Seconds = 60
    """Seconds until a group that was taken out is tried again."""
    window_seconds: Seconds = 120
    """Seconds for which failures count."""


class HealthSettings(Settings):
    """The router's own checks of the groups. The engine's `/health` generates a token and takes 1 to 20 s."""

    timeout_seconds: Seconds = 25
    """Timeout of one check in seconds; the router's own 5 would call busy groups dead."""
    interval_seconds: Seconds = 30
    """Seconds between checks of one group."""
    failure_threshold: Annotated[int, Field(ge=1, le=20)] = 3
    """Failed checks until a group gets no more requests."""
    success_threshold: Annotated[int, Field(ge=1, le=20)] = 2
    """Good checks until it gets them again."""


class LimitSettings(Settings):
    """What a replica of the router lets through: a bucket of tokens, one taken by each request and given back at its
    end. Release 0.3.2 also refills it with time, so that it bounds how fast requests begin and not how many run; what
    finds it empty is answered 429.
    """

    max_concurrent_requests: PositiveInt | None = None
    """Size of the bucket: requests that may begin at once. None for no limit."""
    rate_limit_tokens_per_second: PositiveInt | None = None
    """Requests per second by which the bucket refills; by default its size."""
    queue_size: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Requests that may wait for a token. In 0.3.2 each waits only as long as one token takes to refill, and then gets
    408 instead of the 429 that clients know how to handle."""
    queue_timeout_seconds: Seconds = 60
    """Longest wait in that queue in seconds."""


class RouterResourceSettings(Settings):
    """What one replica of the router asks for; it needs no GPU and runs on the system pool."""

    cpu: Quantity = "1"
    """CPU request. There is no limit: a throttled router delays every token."""
    memory: Quantity = "2Gi"
    """Memory request and limit: the prefix trees and the bodies of requests under way."""


class RouterSettings(Settings):
    """A router for the model: it finds the groups by their labels, sends each request to the group that has most of its
    prompt cached, retries, and takes dead groups out.
    """

    image: RouterImageSettings = RouterImageSettings()
    """Image of the router."""
    replicas: Annotated[int, Field(ge=1, le=20)] = 2
    """Routers. Each keeps its own view of the caches: more of them survive a node but lower the hit rate by 10 to 20 %
    (SGLang Model Gateway's documentation)."""
    policy: Policy = "cache_aware"
    """How a group is chosen; where phases are apart, `prefillPolicy` and `decodePolicy` say so for each."""
    prefill_policy: PrefillPolicy | None = None
    """How a prefill group is chosen where phases are apart; by default `power_of_two`, by load. Release 0.3.2 never
    fills the prefix trees of `cache_aware` there and then chooses at random (sgl-project/sglang#23573, and seen)."""
    decode_policy: Policy | None = None
    """How a decode group is chosen where phases are apart; by default `power_of_two`: decode keeps no prefixes, so that
    only load counts."""
    cache_aware: CacheAwareSettings = CacheAwareSettings()
    """Fine tuning of the policy `cache_aware`."""
    retries: RetrySettings = RetrySettings()
    """Second attempts on another group."""
    circuit_breaker: CircuitBreakerSettings = CircuitBreakerSettings()
    """Groups that fail get no requests for a while."""
    health: HealthSettings = HealthSettings()
    """Health checks of the groups."""
    limits: LimitSettings = LimitSettings()
    """Limits on what is let through, per replica."""
    request_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800
    """Seconds after which a request is given up, streams included."""
    api_key_secret: str | None = None
    """Name under `secrets` of the key that clients must send. It ends here: a new key restarts the routers one by one
    and no engine."""
    resources: RouterResourceSettings = RouterResourceSettings()
    """CPU and memory of a replica."""
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    """Least severity that is logged; `info` has two lines for each request and none of its content."""
    arguments: Arguments = Field(default={})
    """Further flags of the router, checked against those of its release."""
    environment: Environment = Field(default={})
    """Further environment variables of the router."""
