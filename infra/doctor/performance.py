"""What a running load shows: the performance checklist's figures, model by model, against the alerts' thresholds. Pure.

Each item has an alert, whose expression is `<measure> > <threshold>`: here the measure is asked for, so that a figure
is seen whether or not it is too high. A model without a value is left to a person, as is everything where Prometheus
cannot be asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from components.monitoring.alerts.catalogue import ALERTS
from components.monitoring.alerts.model import Alert, fill
from components.monitoring.alerts.plan import expression_for, threshold_values
from components.monitoring.alerts.settings import ThresholdSettings
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE
from infra.doctor.answer import Answer, State
from infra.doctor.kubectl import UnreadError

if TYPE_CHECKING:
    from infra.doctor.metrics import Metrics

_COMPARISON: Final = re.compile(r"^(?P<measure>.+?) (?P<sign>[<>]) <(?P<threshold>\w+)>(?: and .*)?$")
"""An alert's expression; what follows `and` says when the measure matters, and is left out."""


def _seconds(value: float) -> str:
    return f"{value:.3g} s"


def _share(value: float) -> str:
    return f"{value:.2%}"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _number(value: float) -> str:
    return f"{value:.0f}"


@dataclass(frozen=True, slots=True)
class Figure:
    """An item that a figure decides. `zero` gives the models for which no value of the alert's measure means 0."""

    item: str
    alert: str
    shown: Callable[[float], str]
    zero: str = ""


FIGURES: Final = (
    Figure("Time to first token (P95)", "TimeToFirstTokenHigh", _seconds),
    Figure("Time per output token (P95)", "InterTokenLatencyHigh", _seconds),
    Figure("GPU utilisation", "GpuUtilisationLow", _percent),
    Figure("The queue stays short", "QueueGrowing", _number),
    Figure(
        "Few requests fail",
        "ErrorRateHigh",
        _share,
        zero="sum by (model) (rate(sglang:http_responses_total[5m])) > 0",
    ),
)
"""The figures of hyperpod-eks-sglang-guide.md, appendix C."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is asked of Prometheus for a figure, and what its values by model may be."""

    expression: str
    above: bool
    limit: float
    setting: str

    def holds(self, value: float) -> bool:
        """Whether a value is as it should be."""
        return value <= self.limit if self.above else value >= self.limit


def measure(figure: Figure, releases: Iterable[str], thresholds: ThresholdSettings) -> Measure:
    """The measure of a figure for some releases of the engine."""
    alert = {one.name: one for one in ALERTS}[figure.alert]
    _, sign, setting = _parts(alert.expression)
    text = expression_for(_bare(alert), list(releases))
    if figure.zero:
        text = f"({text}) or 0 * ({figure.zero})"
    values = {**threshold_values(thresholds), "engines": NAMESPACE, "routers": ROUTER_NAMESPACE}
    return Measure(fill(text, values), sign == ">", threshold_values(thresholds)[setting], setting)


def figures(models: Mapping[str, str], thresholds: ThresholdSettings, metrics: Metrics | None) -> Iterator[Answer]:
    """Every figure of `models` (release by name), asked of Prometheus; `metrics` is None where there is none."""
    for figure in FIGURES:
        yield _answer(figure, measure(figure, models.values(), thresholds), list(models), metrics)


def _answer(figure: Figure, asked: Measure, models: Sequence[str], metrics: Metrics | None) -> Answer:
    bound = f"{'at most' if asked.above else 'at least'} {figure.shown(asked.limit)} ({asked.setting})"
    by_hand = f"{bound}: {asked.expression}"
    if metrics is None:
        return Answer(figure.item, State.BY_HAND, f"the stack has no Prometheus; {by_hand}")
    try:
        found = {one.labels.get("model", ""): one.value for one in metrics(asked.expression)}
    except UnreadError as error:
        return Answer(figure.item, State.BY_HAND, f"Prometheus cannot be asked: {error}; {by_hand}")
    known = {model: found[model] for model in models if model in found and not math.isnan(found[model])}
    told = ", ".join(f"{model} {figure.shown(value)}" for model, value in known.items())
    wrong = [model for model, value in known.items() if not asked.holds(value)]
    if wrong:
        page = {one.name: one for one in ALERTS}[figure.alert].page
        return Answer(figure.item, State.FAILS, f"{told}; {bound}; docs/runbooks/{page}")
    if unknown := [model for model in models if model not in known]:
        shown = f"{told}; " if told else ""
        return Answer(figure.item, State.BY_HAND, f"{shown}no value for {', '.join(unknown)}; {by_hand}")
    return Answer(figure.item, State.HOLDS, f"{told}; {bound}")


def _parts(expression: str) -> tuple[str, str, str]:
    found = _COMPARISON.match(expression)
    if found is None:
        raise ValueError(f"{expression} compares with no threshold")
    return found["measure"], found["sign"], found["threshold"]


def _bare(alert: Alert) -> Alert:
    older = (_parts(alert.older[0])[0], alert.older[1]) if alert.older else None
    return replace(alert, expression=_parts(alert.expression)[0], older=older)
