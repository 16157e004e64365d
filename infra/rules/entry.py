"""Rules of the load balancer that models and the gateway share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.gateway.objects import PATHS
from components.rules import Finding, RuleSet, Severity
from components.serving.entry.ingress import MOST_RULES, ROUTED_PATHS

if TYPE_CHECKING:
    from components.serving.entry.settings import EntrySettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@dataclass(frozen=True, slots=True)
class Entered:
    """Something with an entry: its path in the settings, its name, and how many rules its paths take."""

    at: str
    name: str
    entry: EntrySettings
    rules: int


def entered(stack: StackSettings) -> list[Entered]:
    """Everything that the load balancer leads to."""
    found = [
        Entered(f"models[{index}]", model.name, model.entry, len(ROUTED_PATHS) if model.router else 1)
        for index, model in enumerate(stack.models)
        if model.entry
    ]
    if stack.gateway and stack.gateway.entry:
        found.append(Entered("gateway", "the gateway", stack.gateway.entry, len(PATHS)))
    return found


@rules.rule("entry.shared", source="aws-load-balancer-controller: exclusive annotations of an IngressGroup")
def entries_of_one_load_balancer_agree(stack: StackSettings) -> Iterator[Finding]:
    """All entries share one load balancer, whose scheme, networks and time-out are one."""
    found = entered(stack)
    for here in found[1:]:
        for name, path in (
            ("scheme", "scheme"),
            ("inbound_cidrs", "inboundCidrs"),
            ("idle_timeout_seconds", "idleTimeoutSeconds"),
        ):
            value, first = getattr(here.entry, name), getattr(found[0].entry, name)
            if value != first:
                yield Finding(
                    f"{here.at}.entry.{path}",
                    f"{value} differs from {first} of {found[0].at}, with which it shares the load balancer",
                    "use one value for both",
                )


@rules.rule("entry.tls-mixed", source="aws-load-balancer-controller: ssl-redirect impacts every Ingress of the group")
def all_entries_speak_tls_or_none(stack: StackSettings) -> Iterator[Finding]:
    """Where one entry has a certificate port 80 only redirects, and an entry without one answers nowhere."""
    found = entered(stack)
    secured = next((here.at for here in found if here.entry.certificate_arn), None)
    for here in found:
        if secured is not None and not here.entry.certificate_arn:
            yield Finding(
                f"{here.at}.entry.certificateArn",
                f"{secured} has a certificate, so the load balancer they share redirects all of port 80 to 443",
                "set a certificate for this host too",
            )


@rules.rule("entry.host", source="one rule of a listener answers")
def hosts_are_not_shared(stack: StackSettings) -> Iterator[Finding]:
    """What is behind one load balancer is told apart by host name or path."""
    by_place: dict[tuple[str | None, str | None], list[Entered]] = defaultdict(list)
    for here in entered(stack):
        by_place[here.entry.host, here.entry.path].append(here)
    for (host, path), found in by_place.items():
        for here in found[1:]:
            yield Finding(
                f"{here.at}.entry.{'path' if path else 'host'}",
                f"{here.name} and {found[0].name} both answer {host or 'every host name'}{path or ''}",
                "give each a host name or a path of its own",
            )


@rules.rule("entry.certificate-region", source="an ALB takes ACM certificates of its own region")
def certificates_are_in_the_region(stack: StackSettings) -> Iterator[Finding]:
    """The certificate is ACM's, in the stack's region."""
    for here in entered(stack):
        arn = here.entry.certificate_arn
        if arn and arn.split(":")[2:4] != ["acm", stack.region]:
            yield Finding(
                f"{here.at}.entry.certificateArn",
                f"{arn} is no ACM certificate in {stack.region}",
                f"use arn:aws:acm:{stack.region}:...:certificate/...",
            )


@rules.rule("entry.rules-quota", source="Application Load Balancer quotas: 100 rules", severity=Severity.WARNING)
def rules_fit_the_load_balancer(stack: StackSettings) -> Iterator[Finding]:
    """A router's API is admitted path by path, each a rule of the load balancer; AWS grants 100 unless asked."""
    found = entered(stack)
    needed = sum(here.rules for here in found)
    if needed > MOST_RULES:
        yield Finding(
            f"{found[-1].at}.entry",
            f"{len(found)} entries take {needed} rules of the one load balancer, whose quota is {MOST_RULES}",
            "have the quota Rules per Application Load Balancer raised, or put the models behind the gateway",
        )
