"""Rules of the way in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Protocol

from components.rules import Finding, Severity
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.entry.settings import EntrySettings
    from components.serving.settings import ModelSettings

_EVERYWHERE = "0.0.0.0/0"
_API = ("v1", "generate")


class HasEntry(Protocol):
    """Settings of something that a load balancer leads to."""

    @property
    def entry(self) -> EntrySettings | None:
        """The way in."""
        ...


@rules.rule("entry.public-tls", source="prompts and keys would cross the internet in the clear")
def the_internet_needs_tls(model: HasEntry) -> Iterator[Finding]:
    """An internet-facing entry speaks TLS."""
    if _public(model) and model.entry and not model.entry.certificate_arn:
        yield Finding(
            "entry.certificateArn", "an internet-facing entry without a certificate speaks plain HTTP", "set an ACM ARN"
        )


@rules.rule("entry.public-key", source="CERT/CC VU#665416: isolate")
def the_internet_needs_a_key(model: ModelSettings) -> Iterator[Finding]:
    """An internet-facing engine or router asks for a key."""
    if _public(model) and not model.client_key_secret:
        path, who = ("router.apiKeySecret", "router") if model.router else ("apiKeySecret", "engine")
        yield Finding(path, f"an internet-facing {who} without a key serves anybody", f"set {path} to a secret")


@rules.rule("entry.public-cidrs", source="aws-load-balancer-controller: inbound-cidrs")
def the_internet_needs_a_list(model: HasEntry) -> Iterator[Finding]:
    """Who may connect from the internet is said, not assumed."""
    if _public(model) and model.entry and not model.entry.inbound_cidrs:
        yield Finding(
            "entry.inboundCidrs",
            "an internet-facing entry admits nobody but the VPC",
            "list the networks of its clients, e.g. [203.0.113.0/24]",
        )


@rules.rule("entry.everybody", source="CERT/CC VU#665416: isolate", severity=Severity.WARNING)
def not_everybody_may_connect(model: HasEntry) -> Iterator[Finding]:
    """A list that holds every address."""
    if model.entry and _EVERYWHERE in model.entry.inbound_cidrs:
        yield Finding(
            f"entry.inboundCidrs[{model.entry.inbound_cidrs.index(_EVERYWHERE)}]",
            f"{_EVERYWHERE} lets every address connect to an engine",
            "list the networks of its clients",
        )


@rules.rule("entry.key-in-clear", source="a bearer key in plain HTTP", severity=Severity.WARNING)
def keys_travel_encrypted(model: ModelSettings) -> Iterator[Finding]:
    """A key over plain HTTP is readable on its way."""
    if model.entry and model.client_key_secret and not model.entry.certificate_arn and not _public(model):
        yield Finding(
            "entry.certificateArn", "clients send their key over plain HTTP", "set the ARN of an ACM certificate"
        )


@rules.rule("entry.cidr", source="RFC 4632")
def inbound_networks_are_networks(model: HasEntry) -> Iterator[Finding]:
    """Each inbound network is one."""
    for index, cidr in enumerate(model.entry.inbound_cidrs if model.entry else ()):
        try:
            ip_network(cidr)
        except ValueError as error:
            yield Finding(f"entry.inboundCidrs[{index}]", f"{cidr} is no network ({error})", "use e.g. 10.0.0.0/16")


@rules.rule("entry.path", source="sglang 0.5.17 entrypoints/http_server.py: its API begins with these")
def the_path_is_not_the_apis_own(model: ModelSettings) -> Iterator[Finding]:
    """A path that the API itself begins with would be taken off requests that need it."""
    path = model.entry.path if model.entry else None
    if path and path.split("/")[1] in _API:
        yield Finding("entry.path", f"{path} is where the API itself begins", f"use a name, e.g. /{model.name}")


@rules.rule("entry.traffic-sum", source="shares in percent")
def shares_make_a_whole(model: ModelSettings) -> Iterator[Finding]:
    """Every request goes somewhere: the shares add up to 100, and the model itself has one."""
    traffic = model.entry.traffic if model.entry else {}
    if not traffic:
        return
    if model.name not in traffic:
        yield Finding("entry.traffic", f"{model.name} itself has no share", f"add {model.name}: 0 if it is to get none")
    if sum(traffic.values()) != 100:
        yield Finding("entry.traffic", f"the shares add up to {sum(traffic.values())}", "make them 100 together")


def _public(model: HasEntry) -> bool:
    return model.entry is not None and model.entry.scheme == "internet-facing"
