"""Dashboards as typed data; `grafana.to_json` makes of them what Grafana reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Colour = Literal["green", "yellow", "orange", "red", "blue"]
Kind = Literal["timeseries", "stat", "state-timeline", "text"]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and what its series are called (`{{label}}` is replaced)."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `value` on, in the panel's unit, the series counts as `colour`."""

    value: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class State:
    """What a value means where it stands for a state: its word and colour."""

    value: int
    text: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit` is one of Grafana's unit ids (`s`, `percentunit`, `reqps`) or `suffix:...`.

    `width` is in columns of 24, `height` in grid cells of about 30 pixels. `minimum` and `maximum` bound the axis.
    `decimals` None leaves them to Grafana. `base` is the colour below the first threshold. `states` name the values of
    a state timeline. `logarithmic` is the axis.
    A `text` panel has no queries: it shows its `description`.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    thresholds: tuple[Threshold, ...] = ()
    kind: Kind = "timeseries"
    minimum: float | None = 0
    maximum: float | None = None
    width: int = 8
    height: int = 8
    stacked: bool = False
    decimals: int | None = None
    base: Colour = "green"
    states: tuple[State, ...] = ()
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice above the dashboard: the values of `target` (a label) among the series of `selector`.

    `single`: one value at a time, the first to begin with; otherwise several, all to begin with.
    """

    name: str
    label: str
    selector: str
    target: str
    hidden: bool = False
    single: bool = False

    @property
    def query(self) -> str:
        """As Grafana's Prometheus data source takes it."""
        return f"label_values({self.selector}, {self.target})"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard. `uid` is part of its address and never changes; `refresh` as Grafana writes it (`30s`)."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    tags: tuple[str, ...] = ()
    refresh: str = "30s"
    hours: int = 1

    @property
    def panels(self) -> Iterator[Panel]:
        """Its panels, from top to bottom."""
        return (panel for row in self.rows for panel in row.panels)

    def expressions(self) -> list[str]:
        """Every PromQL expression of its panels."""
        return [query.expression for panel in self.panels for query in panel.queries]
