"""Rules of the gateway's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.rules import Finding, RuleSet, Severity
from components.serving.entry import rules as entry

if TYPE_CHECKING:
    from components.gateway.settings import GatewaySettings

rules: Final = RuleSet("gateway")

rules.rule("gateway.public-tls", source="prompts and keys would cross the internet in the clear")(
    entry.the_internet_needs_tls
)
rules.rule("gateway.public-cidrs", source="aws-load-balancer-controller: inbound-cidrs")(
    entry.the_internet_needs_a_list
)
rules.rule("gateway.everybody", source="CERT/CC VU#665416: isolate", severity=Severity.WARNING)(
    entry.not_everybody_may_connect
)
rules.rule("gateway.cidr", source="RFC 4632")(entry.inbound_networks_are_networks)


@rules.rule("gateway.entry", source="the gateway is for clients outside the stack", severity=Severity.WARNING)
def somebody_can_reach_it(gateway: GatewaySettings) -> Iterator[Finding]:
    """Without an entry no NetworkPolicy lets anybody but Prometheus at the gateway."""
    if gateway.entry is None:
        yield Finding("entry", "without an entry nobody reaches the gateway", "set entry, e.g. {host: llm.example.com}")


@rules.rule("gateway.traffic", source="components/gateway/settings.py: routes")
def the_gateway_splits_by_routes(gateway: GatewaySettings) -> Iterator[Finding]:
    """The load balancer knows one gateway; weights between models are routes."""
    if gateway.entry and gateway.entry.traffic:
        yield Finding("entry.traffic", "the load balancer has one gateway to send to", "use routes.<name>.to")


@rules.rule("gateway.path", source="BerriAI/litellm 1.108.7: its API begins with v1")
def the_gateways_path_is_not_the_apis_own(gateway: GatewaySettings) -> Iterator[Finding]:
    """A path that the API itself begins with would be taken off requests that need it."""
    path = gateway.entry.path if gateway.entry else None
    if path and path.split("/")[1] == "v1":
        yield Finding("entry.path", f"{path} is where the API itself begins", "use a name, e.g. /llm")


@rules.rule("gateway.key-in-clear", source="a bearer key in plain HTTP", severity=Severity.WARNING)
def keys_travel_encrypted(gateway: GatewaySettings) -> Iterator[Finding]:
    """A key over plain HTTP is readable on its way."""
    entry = gateway.entry
    if entry and not entry.certificate_arn and entry.scheme == "internal":
        yield Finding(
            "entry.certificateArn", "clients send their key over plain HTTP", "set the ARN of an ACM certificate"
        )


@rules.rule("gateway.keys", source="a key is found by its digest")
def keys_are_told_apart(gateway: GatewaySettings) -> Iterator[Finding]:
    """Each key has a name and a secret of its own."""
    for field in ("name", "secret"):
        values = [getattr(key, field) for key in gateway.keys]
        for index, value in enumerate(values):
            if value in values[:index]:
                first = values.index(value)
                yield Finding(f"keys[{index}].{field}", f"{value} is also keys[{first}]'s", "give each its own")


@rules.rule("gateway.limit-parts", source="limits are counted in each replica's memory", severity=Severity.WARNING)
def limits_can_be_shared_out(gateway: GatewaySettings) -> Iterator[Finding]:
    """A limit below the number of replicas is rounded up to one for each."""
    for index, key in enumerate(gateway.keys):
        for field, limit in (
            ("requestsPerMinute", key.requests_per_minute),
            ("tokensPerMinute", key.tokens_per_minute),
            ("concurrentRequests", key.concurrent_requests),
        ):
            if limit is not None and limit % gateway.replicas:
                whole = -(-limit // gateway.replicas) * gateway.replicas
                yield Finding(
                    f"keys[{index}].{field}",
                    f"{limit} is no multiple of the {gateway.replicas} replicas, so together they allow {whole}",
                    f"use {whole}",
                )


@rules.rule("gateway.route-target", source="BerriAI/litellm 1.108.7: one model_name is one thing")
def a_route_chooses_in_one_way(gateway: GatewaySettings) -> Iterator[Finding]:
    """A name is answered by weights or by the prompt, not both; names by the prompt have their own fallbacks."""
    for name, route in gateway.routes.items():
        if route.to and route.by_complexity:
            yield Finding(f"routes.{name}", "it has both to and byComplexity", "use one of them")
        if route.by_complexity and route.fallbacks:
            yield Finding(
                f"routes.{name}.fallbacks",
                "a name that is chosen by the prompt has no models of its own that could fail",
                "give fallbacks to the names in byComplexity",
            )
