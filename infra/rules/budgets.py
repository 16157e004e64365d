"""Rules of the gateway's budgets: what LiteLLM can count, and on which names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.gateway.plan import weights_of
from components.rules import Finding, RuleSet, Severity

if TYPE_CHECKING:
    from components.gateway.settings import GatewaySettings, KeySettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")

_HOOK: Final = "BerriAI/litellm 1.108.7 proxy/hooks/model_max_budget_limiter.py"
_ROUTER: Final = "BerriAI/litellm 1.108.7 router_strategy/budget_limiter.py"
_COUNTERS: Final = 200
"""Counters that a gateway remembers; what is over it is forgotten (litellm 1.108.7 caching/in_memory_cache.py)."""


@rules.rule("gateway.prices", source="components/gateway/budgets.py: a price is a model's of the stack")
def prices_are_of_models(stack: StackSettings) -> Iterator[Finding]:
    """A price belongs to a model of the stack."""
    names = [model.name for model in stack.models]
    for name in stack.gateway.prices if stack.gateway else ():
        if name not in names:
            yield Finding(f"gateway.prices.{name}", f"there is no model {name}", f"use {' or '.join(names)}")


@rules.rule("gateway.budget-names", source=f"{_HOOK}: model_max_budget")
def budgets_are_on_names_that_are_known(stack: StackSettings) -> Iterator[Finding]:
    """Budgets of a key, and what it gets instead, are names that the gateway answers to and the key may ask for."""
    if stack.gateway is None:
        return
    every = list(weights_of(stack.gateway, stack.models))
    for path, name, key in _names_of_keys(stack.gateway):
        if name not in every:
            yield Finding(path, f"the gateway answers to no {name}", f"use {' or '.join(every)}")
        elif key.models and name not in key.models:
            yield Finding(path, f"{key.name} may not ask for {name}", "add it to the key's models, or leave it out")


def _names_of_keys(gateway: GatewaySettings) -> Iterator[tuple[str, str, KeySettings]]:
    """Each name in the budgets of keys, with its path."""
    for number, key in enumerate(gateway.keys):
        for name, budget in key.budgets.items():
            at = f"gateway.keys[{number}].budgets.{name}"
            yield at, name, key
            for index, fallback in enumerate(budget.fallbacks):
                yield f"{at}.fallbacks[{index}]", fallback, key


@rules.rule("gateway.budget-prices", source=f"{_HOOK}: a model that costs nothing passes every budget")
def what_has_a_budget_has_a_price(stack: StackSettings) -> Iterator[Finding]:
    """A budget counts dollars; what has no price never reaches it."""
    if stack.gateway is None:
        return
    weights = weights_of(stack.gateway, stack.models)
    free = {model.name for model in stack.models if not _costs(stack.gateway, model.name)}
    for path, name in _budgets(stack.gateway):
        for model in weights.get(name, ()):
            if model in free:
                yield Finding(
                    path,
                    f"{model}, which answers to {name}, costs nothing, so the budget is never spent",
                    f"set gateway.prices.{model}: {{inputDollarsPerMillion: ..., outputDollarsPerMillion: ...}}",
                )


def _costs(gateway: GatewaySettings, model: str) -> bool:
    price = gateway.prices.get(model)
    return price is not None and price.input_dollars_per_million + price.output_dollars_per_million > 0


def _budgets(gateway: GatewaySettings) -> Iterator[tuple[str, str]]:
    """Path and name of each budget."""
    for name, route in gateway.routes.items():
        if route.budget:
            yield f"gateway.routes.{name}.budget", name
    for number, key in enumerate(gateway.keys):
        for name in key.budgets:
            yield f"gateway.keys[{number}].budgets.{name}", name


@rules.rule("gateway.budget-by-prompt", source=f"{_HOOK}: spend is counted for the name that answers")
def budgets_are_where_spending_is_counted(stack: StackSettings) -> Iterator[Finding]:
    """What a name that is chosen by the prompt costs is counted for the name that it comes to."""
    for path, name in _budgets(stack.gateway) if stack.gateway else ():
        if stack.gateway and _chosen(stack.gateway, name):
            yield Finding(
                path,
                f"{name} is chosen by the prompt: what it costs is counted for the names in byComplexity",
                "give those names the budget",
            )


def _chosen(gateway: GatewaySettings, name: str) -> list[str]:
    """Names between which the prompt chooses; none for any other name."""
    route = gateway.routes.get(name)
    return list(route.by_complexity.model_dump().values()) if route and route.by_complexity else []


@rules.rule("gateway.budget-one-model", source=f"{_ROUTER}: max_budget is a deployment's")
def a_names_budget_is_one_models(stack: StackSettings) -> Iterator[Finding]:
    """LiteLLM counts by model of a name, so that a name with several would have several budgets."""
    if stack.gateway is None:
        return
    for name, models in weights_of(stack.gateway, stack.models).items():
        route = stack.gateway.routes.get(name)
        if route and route.budget and len(models) > 1:
            yield Finding(
                f"gateway.routes.{name}.budget",
                f"{name} is answered by {' and '.join(models)}, and each would have a budget of its own",
                "give keys a budget on it (keys[].budgets), or give each model a name with its own budget",
            )


@rules.rule("gateway.budget-around", source=f"{_HOOK}: the name in the request is asked", severity=Severity.WARNING)
def a_budget_has_no_way_around(stack: StackSettings) -> Iterator[Finding]:
    """A key's budget is asked for the name in the request: another name of the same model, or one that leads there by
    the prompt or as a fallback, passes it by.
    """
    if stack.gateway is None:
        return
    weights = weights_of(stack.gateway, stack.models)
    for number, key in enumerate(stack.gateway.keys):
        behind = {name: set(weights.get(name, ())) for name in key.budgets}
        for name, route in stack.gateway.routes.items():
            led = {*_chosen(stack.gateway, name), *route.fallbacks}
            spent = sorted(other for other in behind if other in led or behind[other] & set(weights.get(name, ())))
            if spent and name not in key.budgets and (not key.models or name in key.models):
                yield Finding(
                    f"gateway.keys[{number}].models",
                    f"{key.name} has a budget on {' and '.join(spent)}, and {name} leads there without asking it",
                    f"name the key's models without {name}",
                )


@rules.rule("gateway.budget-counters", source="BerriAI/litellm 1.108.7 caching/in_memory_cache.py: 200 items")
def counters_are_remembered(stack: StackSettings) -> Iterator[Finding]:
    """Each budget of a key takes two counters, and each key one; more than the gateway keeps would be forgotten."""
    if stack.gateway is None:
        return
    budgets = sum(len(key.budgets) for key in stack.gateway.keys)
    needed = 2 * budgets + len(stack.gateway.keys)
    if budgets and needed > _COUNTERS:
        yield Finding(
            "gateway.keys",
            f"{budgets} budgets of {len(stack.gateway.keys)} keys take {needed} counters, of which a gateway keeps "
            f"{_COUNTERS}",
            "give budgets to fewer keys, or budgets to names (routes.<name>.budget)",
        )
