"""Rules of the load balancer that models share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet, Severity
from components.serving.entry.ingress import MOST_RULES, ROUTED_PATHS

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule("entry.shared", source="aws-load-balancer-controller: exclusive annotations of an IngressGroup")
def entries_of_one_load_balancer_agree(stack: StackSettings) -> Iterator[Finding]:
    """Models share one load balancer, whose scheme, networks and time-out are one."""
    entries = [(index, model.entry) for index, model in enumerate(stack.models) if model.entry]
    for index, entry in entries[1:]:
        first_index, first = entries[0]
        for name, path in (
            ("scheme", "scheme"),
            ("inbound_cidrs", "inboundCidrs"),
            ("idle_timeout_seconds", "idleTimeoutSeconds"),
        ):
            here, there = getattr(entry, name), getattr(first, name)
            if here != there:
                yield Finding(
                    f"models[{index}].entry.{path}",
                    f"{here} differs from {there} of models[{first_index}], with which it shares the load balancer",
                    "use one value for both",
                )


@rules.rule("entry.tls-mixed", source="aws-load-balancer-controller: ssl-redirect impacts every Ingress of the group")
def all_entries_speak_tls_or_none(stack: StackSettings) -> Iterator[Finding]:
    """Where one entry has a certificate port 80 only redirects, and an entry without one answers nowhere."""
    entries = [(index, model.entry) for index, model in enumerate(stack.models) if model.entry]
    secured = next((index for index, entry in entries if entry.certificate_arn), None)
    for index, entry in entries:
        if secured is not None and not entry.certificate_arn:
            yield Finding(
                f"models[{index}].entry.certificateArn",
                f"models[{secured}] has a certificate, so the load balancer they share redirects all of port 80 to 443",
                "set a certificate for this host too",
            )


@rules.rule("entry.host", source="one rule of a listener answers")
def hosts_are_not_shared(stack: StackSettings) -> Iterator[Finding]:
    """Models behind one load balancer are told apart by host name or path."""
    by_place: dict[tuple[str | None, str | None], list[tuple[int, ModelSettings]]] = defaultdict(list)
    for index, model in enumerate(stack.models):
        if model.entry:
            by_place[model.entry.host, model.entry.path].append((index, model))
    for (host, path), models in by_place.items():
        for index, model in models[1:]:
            yield Finding(
                f"models[{index}].entry.{'path' if path else 'host'}",
                f"{model.name} and {models[0][1].name} both answer {host or 'every host name'}{path or ''}",
                "give each a host name or a path of its own",
            )


@rules.rule("entry.certificate-region", source="an ALB takes ACM certificates of its own region")
def certificates_are_in_the_region(stack: StackSettings) -> Iterator[Finding]:
    """The certificate is ACM's, in the stack's region."""
    for index, model in enumerate(stack.models):
        arn = model.entry.certificate_arn if model.entry else None
        if arn and arn.split(":")[2:4] != ["acm", stack.region]:
            yield Finding(
                f"models[{index}].entry.certificateArn",
                f"{arn} is no ACM certificate in {stack.region}",
                f"use arn:aws:acm:{stack.region}:...:certificate/...",
            )


@rules.rule("entry.rules-quota", source="Application Load Balancer quotas: 100 rules", severity=Severity.WARNING)
def rules_fit_the_load_balancer(stack: StackSettings) -> Iterator[Finding]:
    """A router's API is admitted path by path, each a rule of the load balancer; AWS grants 100 unless asked."""
    entered = [(index, model) for index, model in enumerate(stack.models) if model.entry]
    needed = sum(len(ROUTED_PATHS) if model.router else 1 for _, model in entered)
    if needed > MOST_RULES:
        yield Finding(
            f"models[{entered[-1][0]}].entry",
            f"{len(entered)} entries take {needed} rules of the one load balancer, whose quota is {MOST_RULES}",
            "have the quota Rules per Application Load Balancer raised, or put the models behind fewer entries",
        )
