"""Rules of the gateway that need the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.aws.nodes.plan import SYSTEM_PODS, plan_system_pool
from components.facts.instances import find_instance
from components.gateway.plan import weights_of
from components.rules import Finding, RuleSet, Severity
from components.serving.mooncake.plan import has_store

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule("gateway.models", source="BerriAI/litellm 1.108.7: model_list")
def routes_lead_to_models(stack: StackSettings) -> Iterator[Finding]:
    """A route sends requests to models of the stack, or is the name of one."""
    names = [model.name for model in stack.models]
    served = [model.served for model in stack.models]
    for name, route in stack.gateway.routes.items() if stack.gateway else ():
        for target in route.to:
            if target not in names:
                yield Finding(
                    f"gateway.routes.{name}.to.{target}", f"there is no model {target}", f"use {' or '.join(names)}"
                )
        if not route.to and not route.by_complexity and name not in served:
            yield Finding(
                f"gateway.routes.{name}", f"no model is served as {name}", "say which models answer to it, under to"
            )


@rules.rule("gateway.names", source="BerriAI/litellm 1.108.7: fallbacks and tiers are names of model_list")
def names_are_known(stack: StackSettings) -> Iterator[Finding]:
    """Fallbacks, kinds of prompts and the models of a key are names that the gateway answers to."""
    if stack.gateway is None:
        return
    weights = weights_of(stack.gateway, stack.models)
    # A tier that is chosen by the prompt again would go round in circles.
    plain = [name for name, models in weights.items() if models]
    for path, name, known in _named(stack, plain, list(weights)):
        if name not in known:
            yield Finding(path, f"the gateway answers to no {name}", f"use {' or '.join(known)}")
    for name, route in stack.gateway.routes.items():
        if name in route.fallbacks:
            index = route.fallbacks.index(name)
            yield Finding(f"gateway.routes.{name}.fallbacks[{index}]", f"{name} falls back to itself", "name another")


def _named(stack: StackSettings, plain: list[str], every: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each name that the gateway's settings use, with its path and what it may be."""
    if stack.gateway is None:
        return
    for name, route in stack.gateway.routes.items():
        for index, fallback in enumerate(route.fallbacks):
            yield f"gateway.routes.{name}.fallbacks[{index}]", fallback, plain
        for tier, target in route.by_complexity.model_dump().items() if route.by_complexity else ():
            yield f"gateway.routes.{name}.byComplexity.{tier}", target, plain
    for number, key in enumerate(stack.gateway.keys):
        for index, name in enumerate(key.models):
            yield f"gateway.keys[{number}].models[{index}]", name, every


@rules.rule("gateway.served-names", source="BerriAI/litellm 1.108.7: deployments of one model_name share its requests")
def one_name_is_one_model(stack: StackSettings) -> Iterator[Finding]:
    """Models that are served under one name are versions of one, or the gateway would mix them."""
    if stack.gateway is None:
        return
    shared = {name for model in stack.models if model.entry for name in model.entry.traffic}
    first: dict[str, str] = {}
    for index, model in enumerate(stack.models):
        other = first.setdefault(model.served, model.name)
        route = stack.gateway.routes.get(model.served)
        if other != model.name and not {other, model.name} <= shared and not (route and route.to):
            yield Finding(
                f"models[{index}].servedName",
                f"{model.name} and {other} are both served as {model.served}, between which the gateway would choose "
                "at random",
                f"give it another name, or weights under gateway.routes.{model.served}.to",
            )


@rules.rule("gateway.secrets", source="pulumi config: a secret that is not in the stack file has no value")
def key_secrets_are_there(stack: StackSettings) -> Iterator[Finding]:
    """Every secret that a key names is in the stack file."""
    for index, key in enumerate(stack.gateway.keys if stack.gateway else ()):
        if key.secret not in stack.secrets:
            yield Finding(
                f"gateway.keys[{index}].secret",
                f"the stack has no secret {key.secret}",
                f"store it with `pulumi config set --secret sglang-hyperpod:{key.secret}`",
            )


@rules.rule("gateway.system-pods", source="components/aws/nodes/plan.py: pods of a node and of the system")
def gateways_fit_the_system_pool(stack: StackSettings) -> Iterator[Finding]:
    """Gateways run beside routers and operators on the system pool, one more while they are updated."""
    pool = stack.system_pool
    if stack.gateway is None or find_instance(pool.instance_type) is None:
        return
    routers = sum(model.router.replicas + 1 for model in stack.models if model.router)
    stores = sum(has_store(model) for model in stack.models)
    free = plan_system_pool(pool).pods.free * pool.nodes - sum(SYSTEM_PODS.values()) - routers - stores
    needed = stack.gateway.replicas + 1
    # Routers that find no room have their own rule.
    if 0 <= free < needed:
        yield Finding(
            "gateway.replicas",
            f"{pool.nodes} x {pool.instance_type} have room for {free} more pods, the gateways need {needed}",
            "use a larger systemPool.instanceType, or more systemPool.nodes",
        )


@rules.rule("gateway.image-digest", source="a tag can be pushed again", severity=Severity.ADVICE)
def the_gateways_of_production_have_a_digest(stack: StackSettings) -> Iterator[Finding]:
    """A tag can be pushed again; a digest is one image."""
    if stack.protect and stack.gateway and not stack.gateway.image.digest:
        yield Finding(
            "gateway.image.digest",
            "the gateway's image has no digest",
            "run sglang-hyperpod pin where there is a network",
        )
