"""Rules of models that may have no group: what brings them back, who answers meanwhile, and what it saves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.gateway.plan import weights_of
from components.rules import Finding, RuleSet, Severity, join
from components.words import count
from infra.rules.serving import located, placed

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


def _sleeps(model: ModelSettings) -> bool:
    return model.autoscaling is not None and model.autoscaling.on and model.autoscaling.min_replicas == 0


def _names(stack: StackSettings, model: ModelSettings) -> list[str]:
    """Names of the gateway to which a model answers."""
    if stack.gateway is None:
        return []
    return [name for name, weights in weights_of(stack.gateway, stack.models).items() if model.name in weights]


@rules.rule("autoscaling.zero", source="litellm 1.108.7: the gateway alone knows of requests that nobody answers")
def the_gateway_stands_before_what_may_have_no_group(stack: StackSettings) -> Iterator[Finding]:
    """With the last group go its metrics, and whoever could answer: the gateway has to be before the model."""
    for index, model in enumerate(stack.models):
        if _sleeps(model) and not _names(stack, model):
            yield Finding(
                f"models[{index}].autoscaling.minReplicas",
                "0 groups answer nobody, and no metric of theirs would ever start one again"
                + ("" if stack.gateway is None else f"; the gateway sends {model.name} nothing"),
                "use 1, or put the model behind the gateway",
            )


@rules.rule("autoscaling.zero-phases", source="components/serving/autoscaling/ratio.py")
def phases_stay_together(stack: StackSettings) -> Iterator[Finding]:
    """A phase without groups makes the other one useless, and nothing here takes both away together."""
    for at, role in located(stack):
        if role.model.disaggregation and _sleeps(role.settings):
            yield Finding(
                join(at, role.path("autoscaling.minReplicas")),
                f"without {role.name} groups the other phase serves nobody",
                "use 1",
            )


@rules.rule("autoscaling.zero-entry", source="components/serving/autoscaling/queries.py: the gateway's requests count")
def requests_come_by_the_gateway_alone(stack: StackSettings) -> Iterator[Finding]:
    """A request through a model's own entry finds nobody, and wakes nobody."""
    shared = {name: model.name for model in stack.models for name in (model.entry.traffic if model.entry else ())}
    for index, model in enumerate(stack.models):
        if not _sleeps(model) or (model.entry is None and model.name not in shared):
            continue
        owner = model.name if model.entry else shared[model.name]
        yield Finding(
            f"models[{index}].autoscaling.minReplicas",
            f"requests by the entry of {owner} would find no group and bring none back",
            "use 1, or let clients come by the gateway alone",
        )


@rules.rule("autoscaling.zero-fallback", source="a group takes minutes to load", severity=Severity.ADVICE)
def somebody_answers_meanwhile(stack: StackSettings) -> Iterator[Finding]:
    """Until the first group serves, requests are answered by fallbacks or refused."""
    for model in stack.models:
        for name in _names(stack, model) if _sleeps(model) else ():
            route = stack.gateway.routes.get(name) if stack.gateway else None
            if route is None or not route.fallbacks:
                yield Finding(
                    f"gateway.routes.{name}.fallbacks",
                    f"while {model.name} has no group, requests for {name} are answered 503 until one has loaded",
                    "name a model that answers meanwhile",
                )


@rules.rule("autoscaling.zero-pool", source="node pools have a fixed number of nodes", severity=Severity.ADVICE)
def idle_nodes_cost_as_much(stack: StackSettings) -> Iterator[Finding]:
    """Nodes are there, and paid for, with and without groups."""
    for here in placed(stack):
        takers = {other.model.name for other in placed(stack) if other.pool.name == here.pool.name}
        if _sleeps(here.model) and takers == {here.model.name}:
            yield Finding(
                here.path("autoscaling.minReplicas"),
                f"without a group the {count(here.pool.nodes, 'node')} of {here.pool.name} stand idle, and cost as "
                "much as before",
                "use 1 unless something else runs on them meanwhile",
            )
