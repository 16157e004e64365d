"""The gateway, resolved: which models answer to which name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.facts import pins
from components.serving.engine.command import PORT
from components.serving.engine.image import ImagePlan
from components.serving.pods.probes import DRAIN_SECONDS

if TYPE_CHECKING:
    from components.gateway.settings import (
        BudgetSettings,
        ComplexitySettings,
        GatewaySettings,
        PriceSettings,
        RouteSettings,
    )
    from components.serving.plan import ModelPlan
    from components.serving.settings import ModelSettings

NAMESPACE: Final = "gateway"
"""Namespace of the gateway."""


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """A model that answers to a name. `key_variable` is the environment variable with its key, None without one;
    `price` is what its tokens count for in budgets, None where nothing was said.
    """

    model: str
    served: str
    endpoint: str
    weight: int
    key_variable: str | None
    price: PriceSettings | None = None


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """What answers to one name: models by weight, or other names by the kind of prompt."""

    name: str
    targets: tuple[TargetPlan, ...]
    by_complexity: ComplexitySettings | None
    fallbacks: tuple[str, ...]
    budget: BudgetSettings | None = None


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """The gateway. `engine_keys` are the names under `secrets` of the models' own keys by environment variable;
    `grace_seconds` is how long a stopping gateway serves the requests that it has.
    """

    settings: GatewaySettings
    image: ImagePlan
    routes: tuple[RoutePlan, ...]
    engine_keys: dict[str, str]
    grace_seconds: int

    @property
    def endpoint(self) -> str:
        """Base URL inside the cluster."""
        return f"http://{NAMESPACE}.{NAMESPACE}.svc.cluster.local:{PORT}/v1"

    @property
    def public_endpoint(self) -> str | None:
        """Base URL through the load balancer, where it has a host name."""
        return self.settings.entry.url if self.settings.entry else None

    @property
    def models(self) -> set[str]:
        """Models that get requests from the gateway."""
        return {target.model for route in self.routes for target in route.targets}


def weights_of(gateway: GatewaySettings, models: Sequence[ModelSettings]) -> dict[str, dict[str, int]]:
    """Models and their weights by the name that clients use; empty for a name that is chosen by the prompt.

    A name without a route is a model's own; versions between which an entry splits its requests share theirs alike.
    """
    named: dict[str, dict[str, int]] = {}
    shares = {name: share for model in models if model.entry for name, share in model.entry.traffic.items()}
    for model in models:
        share = shares.get(model.name, 1)
        named.setdefault(model.served, {})
        if share:
            named[model.served][model.name] = share
    for name, route in gateway.routes.items():
        if route.to or route.by_complexity:
            named[name] = dict(route.to)
    return named


def plan_gateway(settings: GatewaySettings, models: Sequence[ModelPlan]) -> GatewayPlan:
    """Resolve a gateway before `models`; settings have passed the rules."""
    known = {model.name: model for model in models}
    keys = {name: f"MODEL_KEY_{index}" for index, name in enumerate(sorted({key for _, key in _engine_keys(models)}))}
    routes = []
    for name, weights in weights_of(settings, [model.settings for model in models]).items():
        route = settings.routes.get(name)
        targets = tuple(
            _target(known[model], weight, keys, settings.prices.get(model)) for model, weight in weights.items()
        )
        routes.append(_route(name, targets, route))
    pin = pins.LITELLM
    return GatewayPlan(
        settings=settings,
        image=ImagePlan(settings.image.repository or pin.repository, pin.tag, settings.image.digest, None, None),
        routes=tuple(routes),
        engine_keys={variable: name for name, variable in keys.items()},
        grace_seconds=DRAIN_SECONDS + max(model.front.grace_period_seconds for model in models),
    )


def _engine_keys(models: Sequence[ModelPlan]) -> Iterator[tuple[str, str]]:
    for model in models:
        if key := model.settings.client_key_secret:
            yield model.name, key


def _route(name: str, targets: tuple[TargetPlan, ...], route: RouteSettings | None) -> RoutePlan:
    if route is None:
        return RoutePlan(name, targets, None, ())
    return RoutePlan(name, targets, route.by_complexity, tuple(route.fallbacks), route.budget)


def _target(model: ModelPlan, weight: int, keys: dict[str, str], price: PriceSettings | None) -> TargetPlan:
    key = model.settings.client_key_secret
    variable = keys[key] if key else None
    return TargetPlan(model.name, model.settings.served, model.endpoint, weight, variable, price)
