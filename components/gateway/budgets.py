"""Budgets as LiteLLM 1.108.7 enforces them without its database: of a name by its router, of a key by its hook.

Read in the package: router_strategy/budget_limiter.py (`max_budget`, `budget_duration` of a deployment) and
proxy/hooks/model_max_budget_limiter.py (`model_max_budget`, `budget_fallbacks` of a key). A key's plain `max_budget` is
left out: its counter is forgotten after a minute without a database. So are tag budgets, which need a license. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.gateway.settings import BudgetSettings, KeySettings, PriceSettings

_MILLION = 1_000_000


def token_prices(price: PriceSettings | None) -> dict[str, float]:
    """What a deployment's tokens cost."""
    if price is None:
        return {}
    return {
        "input_cost_per_token": price.input_dollars_per_million / _MILLION,
        "output_cost_per_token": price.output_dollars_per_million / _MILLION,
    }


def of_a_name(budget: BudgetSettings | None, replicas: int) -> dict[str, Any]:
    """A deployment's budget at one replica."""
    return {} if budget is None else _part(budget, replicas)


def of_a_key(key: KeySettings, replicas: int) -> dict[str, Any]:
    """A key's budgets at one replica, and what it gets instead once they are spent."""
    if not key.budgets:
        return {}
    return {
        "model_max_budget": {name: _part(budget, replicas) for name, budget in key.budgets.items()},
        "budget_fallbacks": {name: list(budget.fallbacks) for name, budget in key.budgets.items() if budget.fallbacks},
    }


def _part(budget: BudgetSettings, replicas: int) -> dict[str, Any]:
    return {"max_budget": budget.dollars / replicas, "budget_duration": f"{budget.period_hours}h"}
