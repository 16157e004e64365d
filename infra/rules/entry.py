"""Rules of the load balancer that models share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet

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


@rules.rule("entry.host", source="one rule of a listener answers")
def hosts_are_not_shared(stack: StackSettings) -> Iterator[Finding]:
    """Models behind one load balancer are told apart by host name."""
    by_host: dict[str | None, list[tuple[int, ModelSettings]]] = defaultdict(list)
    for index, model in enumerate(stack.models):
        if model.entry:
            by_host[model.entry.host].append((index, model))
    for host, models in by_host.items():
        for index, model in models[1:]:
            yield Finding(
                f"models[{index}].entry.host",
                f"{model.name} and {models[0][1].name} both answer {host or 'every host name'}",
                "give each a host name of its own",
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
