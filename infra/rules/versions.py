"""Rules of entries that split requests between versions of a model: canaries, blue and green."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet, Severity
from components.serving.names import PREFILL
from components.serving.placement import try_sizing
from components.words import count
from infra.rules.serving import placed

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@dataclass(frozen=True, slots=True)
class Version:
    """A model that gets a share of another's requests; `at` is the path of that share, `index` its own place."""

    at: str
    index: int
    model: ModelSettings
    owner: ModelSettings
    share: int


def _versions(stack: StackSettings) -> Iterator[Version]:
    """Every other model that exists among the shares of every entry."""
    places = {model.name: (index, model) for index, model in enumerate(stack.models)}
    for index, owner in enumerate(stack.models):
        for name, share in (owner.entry.traffic if owner.entry else {}).items():
            if name != owner.name and name in places:
                yield Version(f"models[{index}].entry.traffic.{name}", *places[name], owner, share)


@rules.rule("entry.traffic-names", source="a share of nobody's would be answered 503")
def shares_go_to_models(stack: StackSettings) -> Iterator[Finding]:
    """Requests are split between models of the stack that have no other way in."""
    names = [model.name for model in stack.models]
    for index, owner in enumerate(stack.models):
        for name in owner.entry.traffic if owner.entry else ():
            if name not in names:
                yield Finding(
                    f"models[{index}].entry.traffic.{name}", f"there is no model {name}", f"use {' or '.join(names)}"
                )
    owners: dict[str, str] = {}
    for version in _versions(stack):
        name = version.model.name
        if version.model.entry:
            yield Finding(version.at, f"{name} has an entry of its own", f"take models[{version.index}].entry away")
        if name in owners:
            yield Finding(version.at, f"{name} gets a share of {owners[name]}'s requests already", "use one entry")
        owners.setdefault(name, version.owner.name)


@rules.rule("entry.traffic-front", source="aws-load-balancer-controller: an Ingress names Services of its namespace")
def versions_are_reached_alike(stack: StackSettings) -> Iterator[Finding]:
    """All versions have routers, or none: routers live in a namespace of their own and answer other health checks."""
    for version in _versions(stack):
        if (version.model.router is None) != (version.owner.router is None):
            routed, bare = sorted((version.model, version.owner), key=lambda model: model.router is None)
            yield Finding(
                f"models[{version.index}].router",
                f"{routed.name} has routers and {bare.name} has none, but one entry leads to both",
                "give both routers, or neither",
            )


@rules.rule("entry.traffic-key", source="the load balancer chooses a version, not the client")
def versions_take_one_key(stack: StackSettings) -> Iterator[Finding]:
    """A client has one key, whichever version answers."""
    for version in _versions(stack):
        wanted, has = version.owner.client_key_secret, version.model.client_key_secret
        if wanted != has:
            field = "router.apiKeySecret" if version.model.router else "apiKeySecret"
            yield Finding(
                f"models[{version.index}].{field}",
                f"{version.model.name} asks for {has or 'no key'}, {version.owner.name} for {wanted or 'none'}",
                f"set {wanted}" if wanted else "leave it out",
            )


@rules.rule("entry.traffic-name", source="OpenAI API: the field model of an answer", severity=Severity.WARNING)
def versions_have_one_name(stack: StackSettings) -> Iterator[Finding]:
    """Clients ask for one name and are answered in it."""
    for version in _versions(stack):
        if version.model.served != version.owner.served:
            yield Finding(
                f"models[{version.index}].servedName",
                f"clients ask for {version.owner.served}, and {version.model.name} answers as {version.model.served}",
                f"set servedName: {version.owner.served}",
            )


@rules.rule("entry.traffic-capacity", source="components/serving/sizing.py", severity=Severity.WARNING)
def versions_can_take_their_share(stack: StackSettings) -> Iterator[Finding]:
    """A version holds its share of the requests that the largest version could hold alone."""
    each: dict[str, int] = {}
    most_groups: dict[str, int] = {}
    for here in placed(stack):
        sizing = try_sizing(here.model, here.gpu)
        # Where phases are apart a request stays in decode longest.
        if sizing is not None and sizing.fits and here.role.name != PREFILL:
            each[here.model.name] = sizing.max_running_requests
            most_groups[here.model.name] = here.model.most_groups
    for index, owner in enumerate(stack.models):
        traffic = owner.entry.traffic if owner.entry else {}
        models = [model for model in stack.models if model.name in traffic and each.get(model.name)]
        most = max((each[model.name] * most_groups[model.name] for model in models), default=0)
        for model in models:
            share, holds = traffic[model.name], each[model.name] * most_groups[model.name]
            if holds * 100 < share * most:
                yield Finding(
                    f"models[{index}].entry.traffic.{model.name}",
                    f"{model.name} runs {holds} requests at once and gets {share} % of what {most} can be",
                    f"give it {count(ceil(share * most / 100 / each[model.name]), 'replica')}, or a smaller share",
                )
