"""Service objectives as recording rules and burn-rate alerts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from components.monitoring.alerts.catalogue.objectives import WINDOWS, misses
from components.monitoring.alerts.catalogue.requests import ANSWERS
from components.monitoring.alerts.catalogue.service import PROBES
from components.monitoring.alerts.model import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What a model promises over 30 days: times in seconds, shares of requests between 0 and 1."""

    time_to_first_token: float
    inter_token: float
    latency: float
    availability: float


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: `missed` is the share of misses over a window, as PromQL with `WINDOW`; `budget` what may miss."""

    name: str
    missed: str
    budget: float

    def records(self, model: str) -> Iterator[Record]:
        """Its misses over every window."""
        for window in WINDOWS:
            labels = {"model": model, "objective": self.name}
            yield Record(misses(window), self.missed.replace("WINDOW", window), labels)


def objectives_of(model: str, promised: Objectives, *, routed: bool, sleeps: bool = False) -> tuple[Objective, ...]:
    """The objectives of a model; behind routers its availability is what clients get from those. Of one that `sleeps`
    routers without a group count for nothing: the gateway asks somebody else then.
    """
    late = 1 - promised.latency
    answered = _routed(model, f',error_code!="{NO_GROUP}"' if sleeps else "") if routed else _direct(model)
    return (
        Objective("ttft", _slower("sglang:time_to_first_token_seconds", model, promised.time_to_first_token), late),
        Objective("itl", _slower("sglang:inter_token_latency_seconds", model, promised.inter_token), late),
        Objective("availability", answered, 1 - promised.availability),
    )


def _slower(histogram: str, model: str, seconds: float) -> str:
    """The share above a time; between two buckets Prometheus interpolates. What prefill measures no client sees."""
    chosen = f'{{model="{model}",role!="prefill"}}'
    return f"1 - histogram_fraction(0, {seconds:g}, sum by (le) (rate({histogram}_bucket{chosen}[WINDOW])))"


NO_GROUP: Final = "no_available_workers"
"""`error_code` of what a router without a group answers (sglang-router 0.3.2, seen)."""


def _routed(model: str, but: str) -> str:
    errors = f'sum(rate(smg_http_responses_total{{model="{model}",status_code=~"5.."{but}}}[WINDOW]))'
    return _share(errors, f'sum(rate(smg_http_requests_total{{model="{model}",{PROBES}}}[WINDOW]))')


def _direct(model: str) -> str:
    chosen = f'model="{model}",{ANSWERS}'
    errors = f'sum(rate(sglang:http_responses_total{{{chosen},status_code=~"5.."}}[WINDOW]))'
    return _share(errors, f"sum(rate(sglang:http_responses_total{{{chosen}}}[WINDOW]))")


def _share(errors: str, all_of_them: str) -> str:
    """Without any error yet there is no series of errors, and none of them is a share of nought."""
    return f"({errors} or 0 * {all_of_them}) / ({all_of_them} > 0)"
