"""Rules of a model's router."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from components.facts import pins
from components.rules import Finding, Severity
from components.serving.engine.flags import dashed, judge
from components.serving.names import SERVE
from components.serving.router.arguments import OWNED, ROUTER
from components.serving.router.plan import resolve_router_image
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_LEAST_HEALTH_SECONDS: Final = 25
_SECRETS: Final = ("--control-plane-api-keys", "--oracle-password")
_VOCABULARY: Final = "TIKTOKEN_ENCODINGS_BASE"


@rules.rule("router.arguments", source="sglang-router 0.3.2 router_args.py")
def the_router_knows_its_flags(model: ModelSettings) -> Iterator[Finding]:
    """Every further flag is one of the router's release, with a value that it takes."""
    for name, value in model.router.arguments.items() if model.router else ():
        if dashed(name) not in OWNED and (finding := judge(ROUTER, name, value)):
            yield replace(finding, path=f"router.{finding.path}")


@rules.rule("router.owned", source="one place for each setting")
def the_program_writes_its_own_flags(model: ModelSettings) -> Iterator[Finding]:
    """A flag that the program writes is set by its own field."""
    for name in model.router.arguments if model.router else ():
        if owner := OWNED.get(dashed(name)):
            yield Finding(f"router.arguments.{name}", f"{dashed(name)} is decided by {owner}", "remove it here")


@rules.rule("router.secret-arguments", source="arguments can be read by whoever sees the pod")
def no_argument_is_a_secret(model: ModelSettings) -> Iterator[Finding]:
    """A key or password in an argument is plain text in the stack file, the state and the cluster."""
    for name in model.router.arguments if model.router else ():
        if dashed(name) in _SECRETS:
            yield Finding(
                f"router.arguments.{name}",
                f"{dashed(name)} would be plain text in this file, in the state and in the cluster",
                "remove it: clients' keys are router.apiKeySecret, and the entry leads to no control endpoint",
            )


@rules.rule("router.igw", source="seen with sglang-router 0.3.2")
def multi_model_mode_finds_its_vocabulary(model: ModelSettings) -> Iterator[Finding]:
    """Multi-model mode loads a vocabulary at start, which the closed network keeps it from fetching."""
    given = {dashed(name): name for name, on in model.router.arguments.items() if on} if model.router else {}
    name = given.get("--enable-igw")
    if name and model.router and _VOCABULARY not in model.router.environment:
        yield Finding(
            f"router.arguments.{name}",
            "--enable-igw fetches a vocabulary from the internet at every start, where routers have no way",
            f"remove it (this router has one model), or use an image that holds it and set environment {_VOCABULARY}",
        )


@rules.rule("router.engine-key", source="sglang-router 0.3.2 sends its own key to its workers (seen)")
def the_clients_key_ends_at_the_router(model: ModelSettings) -> Iterator[Finding]:
    """Behind a router no engine asks for a key: only routers may talk to them."""
    if model.router and model.api_key_secret:
        yield Finding(
            "apiKeySecret",
            "an engine's key behind a router could not change without an outage: the router has one key for both sides",
            f"set router.apiKeySecret: {model.api_key_secret} instead; NetworkPolicies let only routers reach engines",
        )


@rules.rule("router.health-timeout", source="sglang 0.5.8 entrypoints/http_server.py:452-530: /health")
def health_checks_wait_for_a_busy_engine(model: ModelSettings) -> Iterator[Finding]:
    """A health check that gives up before the engine takes busy groups out."""
    if model.router and model.router.health.timeout_seconds < _LEAST_HEALTH_SECONDS:
        yield Finding(
            "router.health.timeoutSeconds",
            f"{model.router.health.timeout_seconds} s is less than /health may take under load (20 s and more)",
            f"use {_LEAST_HEALTH_SECONDS} or more",
        )


@rules.rule("router.health-interval", source="a check that outlasts its interval", severity=Severity.WARNING)
def health_checks_do_not_overlap(model: ModelSettings) -> Iterator[Finding]:
    """The next check begins after the last one gave up."""
    health = model.router.health if model.router else None
    if health and health.interval_seconds < health.timeout_seconds:
        yield Finding(
            "router.health.intervalSeconds",
            f"checks every {health.interval_seconds} s overlap, since one may take {health.timeout_seconds} s",
            f"use {health.timeout_seconds} or more",
        )


@rules.rule("router.single", source="a router is on the way of every request", severity=Severity.WARNING)
def a_router_can_be_lost(model: ModelSettings) -> Iterator[Finding]:
    """With one router, its node's loss is the model's."""
    if model.router and model.router.replicas == 1:
        yield Finding("router.replicas", "one router: the loss of its node is an outage of all groups", "use 2")


@rules.rule("router.one-group", source="sglang-router 0.3.2 chooses between workers", severity=Severity.ADVICE)
def there_is_something_to_choose(model: ModelSettings) -> Iterator[Finding]:
    """A router before one group has no choice to make, unless it brings prefill and decode together."""
    if model.router and model.replicas == 1 and model.role == SERVE:
        yield Finding(
            "router", "one group: the router only adds a hop", "leave router out, unless for its key and limits"
        )


@rules.rule("router.policy-settings", source="sglang-router 0.3.2 router_args.py: cache-aware options")
def the_policy_reads_its_settings(model: ModelSettings) -> Iterator[Finding]:
    """Settings of one policy under another have no effect."""
    router = model.router
    if router is None or "cache_aware" not in router.model_fields_set:
        return
    if router.policy != "cache_aware" and not model.disaggregation:
        yield Finding(
            "router.cacheAware",
            f"policy {router.policy} does not read it",
            "leave it out, or set policy: cache_aware",
        )


@rules.rule("router.phase-policy", source="sglang-router 0.3.2 router_args.py: read with --pd-disaggregation alone")
def policies_of_phases_need_phases(model: ModelSettings) -> Iterator[Finding]:
    """Where phases are apart each has a policy of its own, and else there is one."""
    if model.router is None:
        return
    if model.disaggregation:
        for name, path in (("policy", "policy"), ("cache_aware", "cacheAware")):
            if name in model.router.model_fields_set:
                yield Finding(
                    f"router.{path}",
                    f"{path} has no effect: prefill and decode are apart",
                    "set router.prefillPolicy and router.decodePolicy",
                )
        return
    for name, path in (("prefill_policy", "prefillPolicy"), ("decode_policy", "decodePolicy")):
        if getattr(model.router, name) is not None:
            yield Finding(f"router.{path}", f"{path} has no effect: every group serves both phases", "set policy")


@rules.rule(
    "router.phase-cache",
    source="sgl-project/sglang#23573; tests/contract/test_router_phases.py",
    severity=Severity.WARNING,
)
def no_phase_is_chosen_by_an_empty_tree(model: ModelSettings) -> Iterator[Finding]:
    """Release 0.3.2 does not tell `cache_aware` of prefill and decode groups."""
    router = model.router if model.disaggregation else None
    for name, path in (("prefill_policy", "prefillPolicy"), ("decode_policy", "decodePolicy")):
        if router and getattr(router, name) == "cache_aware":
            yield Finding(
                f"router.{path}",
                "release 0.3.2 chooses at random here: its prefix trees never hear of prefill and decode groups",
                "use power_of_two",
            )


@rules.rule("router.limits", source="sglang-router 0.3.2: no bucket without maxConcurrentRequests")
def limits_have_a_bucket(model: ModelSettings) -> Iterator[Finding]:
    """A rate or a queue without a bucket limits nothing."""
    limits = model.router.limits if model.router else None
    if limits is None or limits.max_concurrent_requests is not None:
        return
    for name, path in (
        ("rate_limit_tokens_per_second", "rateLimitTokensPerSecond"),
        ("queue_size", "queueSize"),
        ("queue_timeout_seconds", "queueTimeoutSeconds"),
    ):
        if name in limits.model_fields_set and getattr(limits, name):
            yield Finding(
                f"router.limits.{path}",
                f"{path} has no effect without maxConcurrentRequests",
                "set router.limits.maxConcurrentRequests too",
            )


@rules.rule(
    "router.queue", source="sglang-router 0.3.2, seen: tests/contract/test_router_live.py", severity=Severity.WARNING
)
def waiting_requests_are_not_turned_away_wrongly(model: ModelSettings) -> Iterator[Finding]:
    """The queue of 0.3.2 answers 408 after the time of one token, whatever its size and timeout."""
    limits = model.router.limits if model.router else None
    if limits and limits.queue_size and limits.max_concurrent_requests:
        rate = limits.rate_limit_tokens_per_second or limits.max_concurrent_requests
        yield Finding(
            "router.limits.queueSize",
            f"release 0.3.2 gives a waiting request up after about {1 / rate:.2g} s with 408, not 429",
            "use 0: requests over the limit then get 429 at once, and engines keep their own queue",
        )


@rules.rule("router.request-timeout", source="sglang-router 0.3.2 --request-timeout-secs", severity=Severity.WARNING)
def long_generations_are_not_cut(model: ModelSettings) -> Iterator[Finding]:
    """The router waits as long as the longest generation that the model plans for."""
    if model.router and model.router.request_timeout_seconds < model.grace_period_seconds:
        yield Finding(
            "router.requestTimeoutSeconds",
            f"generations are cut after {model.router.request_timeout_seconds} s, though gracePeriodSeconds lets them "
            f"run {model.grace_period_seconds} s",
            f"use {model.grace_period_seconds} or more",
        )


@rules.rule("router.image-floating", source="a tag that moves is another image tomorrow")
def the_routers_image_does_not_move(model: ModelSettings) -> Iterator[Finding]:
    """A tag that moves would give the replicas different routers."""
    image = resolve_router_image(model.router.image) if model.router else None
    if image and image.tag and not image.digest and not re.search(r"\d+\.\d+\.\d+|[0-9a-f]{12}|\d{8}", image.tag):
        yield Finding(
            "router.image.tag", f"{image.reference} names no one release", f"use {pins.SGLANG_ROUTER.tag}, or a digest"
        )


@rules.rule(
    "router.image-release", source="components/facts/engines/router-flags-0.3.2.json", severity=Severity.WARNING
)
def the_router_is_the_release_that_is_known(model: ModelSettings) -> Iterator[Finding]:
    """Flags and behaviour are known for one release alone."""
    tag = model.router.image.tag if model.router else None
    if tag and pins.SGLANG_ROUTER.tag.removeprefix("v") not in tag:
        yield Finding(
            "router.image.tag",
            f"{tag} does not say that it is {pins.SGLANG_ROUTER.tag}, whose flags are checked here",
            f"use {pins.SGLANG_ROUTER.tag}",
        )
