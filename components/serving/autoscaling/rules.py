"""Rules of autoscaling that need the model alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from components.rules import Finding, Severity
from components.serving.autoscaling.cron import faults
from components.serving.autoscaling.plan import thresholds
from components.serving.autoscaling.ratio import ratio_of
from components.serving.disaggregation.settings import DisaggregationSettings, RoleSettings
from components.serving.names import PREFILL
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_KEDA = "KEDA v2.20.2 apis/keda/v1alpha1/scaledobject_webhook.go"


@rules.rule("autoscaling.limits", source=f"{_KEDA}: verifyReplicaCount")
def limits_are_in_order(model: ModelSettings) -> Iterator[Finding]:
    """The least number of groups is not above the most."""
    scaling = model.autoscaling
    if scaling and scaling.min_replicas > scaling.max_replicas:
        yield Finding(
            "autoscaling.maxReplicas",
            f"{scaling.max_replicas} is less than minReplicas {scaling.min_replicas}",
            f"use {scaling.min_replicas} or more, or a lower minReplicas",
        )


@rules.rule("autoscaling.zero-trigger", source="a group that nothing brings back never comes")
def something_brings_the_first_group(model: ModelSettings) -> Iterator[Finding]:
    """Where there may be no group, a request or a time brings the first one."""
    scaling = model.autoscaling
    if scaling and scaling.min_replicas == 0 and not scaling.zero.on_request and not scaling.cron:
        yield Finding(
            "autoscaling.zero.onRequest",
            "neither a request nor a time would ever bring a group back",
            "set onRequest: true, or add cron",
        )


@rules.rule("autoscaling.zero-unused", source="components/serving/autoscaling/plan.py")
def zero_is_for_what_comes_to_it(model: ModelSettings) -> Iterator[Finding]:
    """What is said of no group is read where there may be none."""
    scaling = model.autoscaling
    if scaling and scaling.min_replicas > 0 and "zero" in scaling.model_fields_set:
        yield Finding(
            "autoscaling.zero",
            f"minReplicas is {scaling.min_replicas}, so the last group never goes",
            "set minReplicas: 0, or remove it",
        )


@rules.rule("autoscaling.start", source="the number of groups that a new LeaderWorkerSet begins with")
def it_starts_within_the_limits(model: ModelSettings) -> Iterator[Finding]:
    """A number of groups that is set lies between the limits."""
    scaling = model.autoscaling
    if scaling is None or "replicas" not in model.model_fields_set or scaling.min_replicas > scaling.max_replicas:
        return
    if model.replicas != scaling.start(model.replicas):
        yield Finding(
            "replicas",
            f"{model.replicas} is not between minReplicas {scaling.min_replicas} and maxReplicas "
            f"{scaling.max_replicas} of autoscaling",
            f"leave replicas out, or use {scaling.start(model.replicas)}",
        )


@rules.rule("autoscaling.equal", source="equal limits leave nothing to scale", severity=Severity.ADVICE)
def there_is_something_to_scale(model: ModelSettings) -> Iterator[Finding]:
    """Equal limits switch autoscaling off; that is also how a number is taken back from the autoscaler."""
    scaling = model.autoscaling
    if scaling and scaling.min_replicas == scaling.max_replicas:
        yield Finding(
            "autoscaling.maxReplicas",
            f"nothing scales: both limits are {scaling.max_replicas}",
            f"raise maxReplicas; once the number is taken back, replicas: {scaling.max_replicas} alone says the same",
        )


@rules.rule("autoscaling.no-trigger", source=f"{_KEDA}: a ScaledObject has triggers")
def something_triggers_it(model: ModelSettings) -> Iterator[Finding]:
    """At least one signal, or one time, says how many groups there should be."""
    scaling = model.autoscaling
    signals = scaling and (thresholds(scaling, model.role) or scaling.queries or scaling.cron)
    if scaling and scaling.on and not signals and scaling.min_replicas:
        yield Finding(
            "autoscaling.triggers",
            "every signal is 0 and there is neither a query nor a time, so nothing would ever scale",
            "leave out queuedRequests: 0 or kvUsage: 0, or add cron",
        )


@rules.rule("autoscaling.name-twice", source=f"{_KEDA}: verifyTriggers, names are unique")
def triggers_have_names_of_their_own(model: ModelSettings) -> Iterator[Finding]:
    """No query is called like another, nor like a signal of the engine."""
    seen = {"queue", "kv-usage", "ttft", "itl", "ratio", "wanted"}
    for index, query in enumerate(model.autoscaling.queries if model.autoscaling else ()):
        if query.name in seen or query.name.startswith("cron-"):
            yield Finding(
                f"autoscaling.queries[{index}].name", f"another trigger is called {query.name}", "use another name"
            )
        seen.add(query.name)


@rules.rule("autoscaling.cron", source="KEDA v2.20.2 pkg/scalers/cron_scaler.go: Validate")
def times_can_be_read(model: ModelSettings) -> Iterator[Finding]:
    """Start and end are two cron expressions of five fields, in a time zone that exists."""
    for index, times in enumerate(model.autoscaling.cron if model.autoscaling else ()):
        at = f"autoscaling.cron[{index}]"
        for name in ("start", "end"):
            for fault in faults(getattr(times, name)):
                yield Finding(f"{at}.{name}", fault, "use e.g. 0 8 * * 1-5")
        if times.start == times.end:
            yield Finding(f"{at}.end", f"it ends when it starts, at {times.start}", "use a later time")
        if not _is_zone(times.timezone):
            yield Finding(
                f"{at}.timezone",
                f"{times.timezone} is not in the time zone database",
                "use a name such as Europe/Berlin or Etc/UTC",
            )


@rules.rule("autoscaling.cron-limits", source="the HorizontalPodAutoscaler stays within its limits")
def times_ask_for_what_can_be(model: ModelSettings) -> Iterator[Finding]:
    """A time asks for no more groups than there may be."""
    scaling = model.autoscaling
    if scaling is None or not scaling.on:
        return
    for index, times in enumerate(scaling.cron):
        if times.replicas > scaling.max_replicas:
            yield Finding(
                f"autoscaling.cron[{index}].replicas",
                f"{times.replicas} is more than maxReplicas {scaling.max_replicas}",
                f"use {scaling.max_replicas} or less, or raise maxReplicas",
            )


@rules.rule("autoscaling.fallback", source="KEDA v2.20.2 pkg/fallback/fallback.go")
def the_fallback_lies_within_the_limits(model: ModelSettings) -> Iterator[Finding]:
    """Without metrics there are as many groups as there may be."""
    scaling = model.autoscaling
    if scaling is None or not scaling.on or scaling.fallback.replicas is None:
        return
    if not scaling.min_replicas <= scaling.fallback.replicas <= scaling.max_replicas:
        yield Finding(
            "autoscaling.fallback.replicas",
            f"{scaling.fallback.replicas} is not between minReplicas {scaling.min_replicas} and maxReplicas "
            f"{scaling.max_replicas}",
            "leave it out to hold the number still, or stay within the limits",
        )
    elif scaling.fallback.replicas == 0:
        yield Finding(
            "autoscaling.fallback.replicas",
            "0 would take the last group away whenever Prometheus does not answer",
            "leave it out to hold the number still",
        )


@rules.rule(
    "autoscaling.hasty-down",
    source="a group is made anew, and its weights are read again, whenever it was taken away too early",
    severity=Severity.WARNING,
)
def groups_are_not_given_up_in_a_lull(model: ModelSettings) -> Iterator[Finding]:
    """A group that takes half an hour to come is not given up after a minute's lull."""
    scaling = model.autoscaling
    if scaling and scaling.on and scaling.stabilisation.down_seconds < _LEAST_LULL_SECONDS:
        yield Finding(
            "autoscaling.stabilisation.downSeconds",
            f"a lull of {scaling.stabilisation.down_seconds} s gives up a group that takes minutes to load again",
            f"use {_LEAST_LULL_SECONDS} or more",
        )


_LEAST_LULL_SECONDS = 300
"""The HorizontalPodAutoscaler's own default."""


@rules.rule(
    "autoscaling.unmeasured",
    source="sglang: a prefill group hands a request on after its first token",
    severity=Severity.WARNING,
)
def a_phase_is_scaled_by_what_it_does(model: ModelSettings) -> Iterator[Finding]:
    """A phase has no signal of what only the other one does."""
    if model.role == PREFILL and model.autoscaling and model.autoscaling.triggers.itl_seconds:
        yield Finding(
            "autoscaling.triggers.itlSeconds",
            "prefill groups generate no tokens after the first: this stays 0",
            "move it to disaggregation.decode",
        )


@rules.of_whole("autoscaling.ratio-order", source="components/serving/autoscaling/ratio.py")
def the_proportion_has_room(model: ModelSettings) -> Iterator[Finding]:
    """The least proportion is not above the most."""
    split = model.disaggregation
    if split and ratio_of(split).least > ratio_of(split).most:
        ratio = ratio_of(split)
        yield Finding(
            "disaggregation.ratio",
            f"leastDecodePerPrefill {ratio.least:g} is more than mostDecodePerPrefill {ratio.most:g}",
            f"use at most {ratio.most:g} for the least",
        )


@rules.of_whole("autoscaling.ratio-limits", source="components/serving/autoscaling/ratio.py")
def the_limits_keep_the_proportion(model: ModelSettings) -> Iterator[Finding]:
    """Each phase may have as many groups as the other one's most groups need."""
    split = model.disaggregation
    if split is None or not _scales(split):
        return
    ratio = ratio_of(split)
    prefill, decode = (_most(phase) for phase in (split.prefill, split.decode))
    if ratio.prefill_for(decode) > prefill:
        yield Finding(
            _path("decode", split.decode, "maxReplicas"),
            f"{decode} decode groups need {ratio.prefill_for(decode)} prefill groups (at most {ratio.most:g} for each),"
            f" and there may be {prefill}",
            f"let there be {ratio.prefill_for(decode)} prefill groups, or raise disaggregation.ratio",
        )
    if ratio.decode_for(prefill) > decode:
        yield Finding(
            _path("prefill", split.prefill, "maxReplicas"),
            f"{prefill} prefill groups need {ratio.decode_for(prefill)} decode groups (at least {ratio.least:g} for "
            f"each), and there may be {decode}",
            f"let there be {ratio.decode_for(prefill)} decode groups, or lower disaggregation.ratio",
        )


@rules.of_whole("autoscaling.ratio-stuck", source="components/serving/autoscaling/ratio.py")
def the_phases_do_not_hold_each_other_up(model: ModelSettings) -> Iterator[Finding]:
    """Each phase lets the other one get smaller again."""
    split = model.disaggregation
    if split is None or not (_scales(split.prefill) and _scales(split.decode)):
        return
    ratio = ratio_of(split)
    floor = ratio.settles(_fewest(split.prefill), _fewest(split.decode))
    for prefill in range(floor[0], _most(split.prefill) + 1):
        for decode in range(floor[1], _most(split.decode) + 1):
            if (prefill, decode) != floor and ratio.holds_up(prefill, decode):
                yield Finding(
                    "disaggregation.ratio",
                    f"{prefill} prefill and {decode} decode groups would hold each other up and never get fewer: each "
                    f"needs the other with {ratio.least:g} to {ratio.most:g} decode groups for each prefill group",
                    "let least and most differ more, e.g. by a factor of 4",
                )
                return


def _scales(split: DisaggregationSettings | RoleSettings) -> bool:
    if isinstance(split, RoleSettings):
        return split.autoscaling is not None and split.autoscaling.on
    return _scales(split.prefill) or _scales(split.decode)


def _most(phase: RoleSettings) -> int:
    return phase.autoscaling.max_replicas if phase.autoscaling else phase.replicas


def _fewest(phase: RoleSettings) -> int:
    return phase.autoscaling.min_replicas if phase.autoscaling else phase.replicas


def _path(name: str, phase: RoleSettings, limit: str) -> str:
    return f"disaggregation.{name}.{f'autoscaling.{limit}' if phase.autoscaling else 'replicas'}"


def _is_zone(name: str) -> bool:
    """Whether the time zone exists; where this machine has no database, nobody can tell."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return not _has_zones()
    return True


def _has_zones() -> bool:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return False
    return True
