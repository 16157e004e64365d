"""What a million tokens cost, from the plan's prices. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.model import Panel, Query, Row
from components.monitoring.dashboards.parts import ModelPart, Parts
from components.monitoring.dashboards.queries import ANSWERING, COMPUTING, WINDOW


def cost_row(parts: Parts) -> Row:
    """Cost per million tokens of the models whose nodes have a price; the others are named."""
    priced = [model for model in parts.models if _priced(model)]
    unpriced = [model.name for model in parts.models if not _priced(model)]
    panels = [*([_panel(parts, priced, unpriced)] if priced else []), *([_unknown(unpriced)] if unpriced else [])]
    return Row("Cost", tuple(panels))


def _panel(parts: Parts, priced: list[ModelPart], unpriced: list[str]) -> Panel:
    queries = []
    for model in priced:
        prompt = _tokens("sglang:prompt_tokens_total", COMPUTING, model)
        generated = _tokens("sglang:generation_tokens_total", ANSWERING, model)
        queries += [
            Query(f"1e6 * ({_hourly(model)}) / (3600 * ({prompt} + {generated}) > 0)", f"{model.name}: in and out"),
            Query(f"1e6 * ({_hourly(model)}) / (3600 * {generated} > 0)", f"{model.name}: out alone"),
        ]
    prices = f" Prices: {parts.prices_of}." if parts.prices_of else ""
    return Panel(
        "Cost per million tokens",
        "The hourly price of the nodes whose pods are there, over the tokens of that time, once counted all and once "
        f"only the generated ones. An idle model costs, and has no price per token.{prices}",
        f"currency{parts.currency}",
        tuple(queries),
        width=24 if not unpriced else 16,
    )


def _unknown(names: list[str]) -> Panel:
    return Panel(
        "Cost unknown",
        f"No cost for **{'**, **'.join(names)}**: the settings have no price for the instance type of its nodes. "
        "Enter it under `prices.perHour` and deploy again.",
        "",
        (),
        kind="text",
        width=8,
        height=8,
    )


def _priced(model: ModelPart) -> bool:
    return all(group.pod_hour is not None for group in model.groups)


def _hourly(model: ModelPart) -> str:
    """The price of an hour of the pods that are there: autoscaling and lost nodes count."""
    return " + ".join(
        f'{group.pod_hour:g} * (count(up{{lws="{group.lws}",model=~"$model"}}) or vector(0))' for group in model.groups
    )


def _tokens(metric: str, selector: str, model: ModelPart) -> str:
    return f'sum(rate({metric}{{model="{model.name}",{selector}}}{WINDOW}))'
