"""What scales a role, and between which limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from components.serving.autoscaling import queries
from components.serving.autoscaling.settings import AutoscalingSettings, FallbackSettings, StabilisationSettings

DEFAULTS: Final = {
    "serve": {"queued_requests": 8.0, "kv_usage": 0.8, "ttft_seconds": 0.0, "itl_seconds": 0.0},
    "prefill": {"queued_requests": 8.0, "kv_usage": 0.0, "ttft_seconds": 2.0, "itl_seconds": 0.0},
    "decode": {"queued_requests": 8.0, "kv_usage": 0.8, "ttft_seconds": 0.0, "itl_seconds": 0.2},
}
"""What a group of each role bears unless the settings say otherwise; 0 is left out."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One reason to have more groups. `metadata` is KEDA's, without the address of Prometheus.

    `per_group`: the value is a sum over the groups, each of which bears `threshold`; else it is the same for all of
    them, such as a latency, and the number of groups grows in proportion. `says` is for readers.
    """

    name: str
    type: Literal["prometheus", "cron", "kubernetes-workload"]
    metadata: dict[str, str]
    says: str
    per_group: bool = True


@dataclass(frozen=True, slots=True)
class ScalingPlan:
    """Limits in groups, triggers, and how fast they are followed. `idle_seconds` is how long nobody may have wanted a
    group before the last one goes; None where one always stays.
    """

    least: int
    most: int
    triggers: tuple[Trigger, ...]
    stabilisation: StabilisationSettings = field(default_factory=StabilisationSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    idle_seconds: int | None = None


def plan_scaling(
    settings: AutoscalingSettings | None,
    *,
    lws: str,
    role: str,
    endpoint: str = "",
    companion: Trigger | None = None,
) -> ScalingPlan | None:
    """How a role is scaled; None where it is not. `endpoint` is where the gateway asks for it, `companion` makes it
    follow another role's groups.
    """
    if settings is None or not settings.on:
        return None
    triggers = (*_triggers(settings, lws, role), *([companion] if companion else ()))
    zero = settings.min_replicas == 0
    return ScalingPlan(
        least=settings.min_replicas,
        most=settings.max_replicas,
        triggers=(_wanted(settings, lws, endpoint), *(_asleep(each, lws) for each in triggers)) if zero else triggers,
        stabilisation=settings.stabilisation,
        fallback=settings.fallback,
        # A request counts as recent for a while, which is a part of the time.
        idle_seconds=settings.zero.idle_minutes * 60 - queries.RECENT_SECONDS if zero else None,
    )


def _wanted(settings: AutoscalingSettings, lws: str, endpoint: str) -> Trigger:
    """What keeps the first group, and brings it."""
    on_request = settings.zero.on_request
    query = queries.wanted(lws, endpoint if on_request else None)
    return _asked("wanted", query, 1, "a request comes to the gateway" if on_request else "a request is answered")


def _asleep(trigger: Trigger, lws: str) -> Trigger:
    """A reason to have more groups, where there may be none: it is no reason to have the first."""
    if trigger.type != "prometheus":
        return trigger
    known = trigger.metadata
    query = queries.or_asleep(known["query"], lws)
    return replace(trigger, metadata={**known, "query": query, "activationThreshold": known["threshold"]})


def thresholds(settings: AutoscalingSettings, role: str) -> dict[str, float]:
    """What a group bears by each signal of the engine that counts for its role."""
    chosen = {name: getattr(settings.triggers, name) for name in DEFAULTS[role]}
    all_of_them = {name: default if chosen[name] is None else chosen[name] for name, default in DEFAULTS[role].items()}
    return {name: value for name, value in all_of_them.items() if value}


def _triggers(settings: AutoscalingSettings, lws: str, role: str) -> Iterator[Trigger]:
    bears = thresholds(settings, role)
    if limit := bears.get("queued_requests"):
        yield _asked("queue", queries.queued(lws, role), limit, f"{limit:g} requests wait per group")
    if limit := bears.get("kv_usage"):
        yield _asked("kv-usage", queries.kv_usage(lws), limit, f"{limit:.0%} of the KV cache is in use")
    if limit := bears.get("ttft_seconds"):
        query = queries.latency(queries.TTFT, lws)
        yield _asked("ttft", query, limit, f"a tenth waits over {limit:g} s for the first token", per_group=False)
    if limit := bears.get("itl_seconds"):
        query = queries.latency(queries.ITL, lws)
        yield _asked("itl", query, limit, f"a tenth of the tokens takes over {limit:g} s", per_group=False)
    for own in settings.queries:
        yield _asked(own.name, own.query, own.per_group, f"{own.name} is over {own.per_group:g} per group")
    for number, times in enumerate(settings.cron, start=1):
        metadata = {
            "timezone": times.timezone,
            "start": times.start,
            "end": times.end,
            "desiredReplicas": str(times.replicas),
        }
        says = f"it is between {times.start} and {times.end} in {times.timezone} ({times.replicas} at least)"
        yield Trigger(f"cron-{number}", "cron", metadata, says)


def _asked(name: str, query: str, threshold: float, says: str, *, per_group: bool = True) -> Trigger:
    # KEDA takes no answer for 0 unless told otherwise, and would scale down when Prometheus loses its targets.
    metadata = {"query": query, "threshold": f"{threshold:g}", "ignoreNullValues": "false"}
    return Trigger(name, "prometheus", metadata, says, per_group)
