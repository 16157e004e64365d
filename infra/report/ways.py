"""The ways to the models in a preview: the load balancer's entries, and what the gateway answers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from infra.report.figures import count

if TYPE_CHECKING:
    from components.gateway.plan import GatewayPlan
    from components.gateway.settings import BudgetSettings
    from components.serving.entry.settings import EntrySettings
    from infra.plan import Plan

ENTRY_COLUMNS: Final = ("clients ask for", "from", "speaks", "requests go to")
ROUTE_COLUMNS: Final = ("model", "answered by (weight)", "when that fails")


def entries_of(plan: Plan) -> Iterator[tuple[EntrySettings, dict[str, int]]]:
    """Each way in with what gets which share of its requests in percent."""
    for model in plan.models:
        if model.settings.entry:
            yield model.settings.entry, model.traffic or {model.name: 100}
    if plan.gateway and plan.gateway.settings.entry:
        yield plan.gateway.settings.entry, {"gateway": 100}


def entry_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """A row for each way in."""
    for entry, shares in entries_of(plan):
        yield (
            f"{entry.host or 'any host'}{entry.path or ''}",
            entry.scheme,
            "TLS" if entry.certificate_arn else "HTTP",
            ", ".join(f"{name} {share} %" for name, share in shares.items()),
        )


def entry_remarks() -> tuple[str, ...]:
    """What stands below them."""
    return ("One Application Load Balancer serves them all.",)


def route_rows(gateway: GatewayPlan) -> Iterator[tuple[str, ...]]:
    """A row for each name that the gateway answers to."""
    for route in gateway.routes:
        weights = ", ".join(f"{target.model} {target.weight}" for target in route.targets)
        chosen = route.by_complexity.model_dump().items() if route.by_complexity else ()
        by_prompt = ", ".join(f"{kind}: {name}" for kind, name in chosen)
        yield route.name, weights or by_prompt, ", ".join(route.fallbacks) or "none"


def gateway_remarks(gateway: GatewayPlan) -> Iterator[str]:
    """What stands below them."""
    keys = ", ".join(key.name for key in gateway.settings.keys)
    yield f"{count(gateway.settings.replicas, 'gateway')}, {gateway.image.reference}; keys: {keys}."
    budgets = ", ".join(
        f"{owner} ${budget.dollars:g} on {name} in {budget.period_hours} h"
        for owner, name, budget in budgets_of(gateway)
    )
    if budgets:
        yield f"Budgets, counted in memory: {budgets}."


def budgets_of(gateway: GatewayPlan) -> Iterator[tuple[str, str, BudgetSettings]]:
    """Whose budgets there are (`all` of a name's own), on which names."""
    for route in gateway.routes:
        if route.budget:
            yield "all", route.name, route.budget
    for key in gateway.settings.keys:
        for name, budget in key.budgets.items():
            yield key.name, name, budget
