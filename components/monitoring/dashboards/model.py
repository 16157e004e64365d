"""Grafana dashboards as typed data, turned into the JSON that Grafana reads (schema version 41). Pure.

Rows are laid out in the order given: panels fill 24 columns from the left and wrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA_VERSION = 41
COLUMNS = 24
DATASOURCE: dict[str, str] = {"type": "prometheus", "uid": "${datasource}"}

Colour = Literal["green", "yellow", "orange", "red", "blue"]
Kind = Literal["timeseries", "stat", "state-timeline", "text"]
WIDE = 12
"""From this width on, a legend stands beside its graph, as a table."""


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

    def to_json(self) -> dict[str, Any]:
        """The dashboard as Grafana's provisioning reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "refresh": self.refresh,
            "time": {"from": f"now-{self.hours}h", "to": "now"},
            "timezone": "utc",
            "links": [_link(self.tags)],
            "annotations": {"list": []},
            "templating": {"list": [_datasource(), *map(_variable, self.variables)]},
            "panels": _panels(self.rows),
        }


def _link(tags: Sequence[str]) -> dict[str, Any]:
    """A menu of the dashboards with the same tags, which keeps time range and variables."""
    return {
        "type": "dashboards",
        "title": "Dashboards",
        "tags": list(tags),
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "regex": "",
    }


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": variable.query, "refId": f"variable-{variable.name}"},
        "hide": 2 if variable.hidden else 0,
        "includeAll": not variable.single,
        "multi": not variable.single,
        "current": {"text": "", "value": ""} if variable.single else {"text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "regex": "",
        "sort": 1,
    }


def _panels(rows: Sequence[Row]) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        panels.append(_row(row.title, len(panels) + 1, top))
        top += 1
        left = tallest = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            panels.append(_panel(panel, len(panels) + 1, left, top))
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return panels


def _row(title: str, identity: int, top: int) -> dict[str, Any]:
    position = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
    return {"id": identity, "type": "row", "title": title, "collapsed": False, "gridPos": position, "panels": []}


def _panel(panel: Panel, identity: int, left: int, top: int) -> dict[str, Any]:
    if panel.kind == "text":
        return {
            "id": identity,
            "type": "text",
            "title": panel.title,
            "gridPos": {"x": left, "y": top, "w": panel.width, "h": panel.height},
            "options": {"mode": "markdown", "content": panel.description},
        }
    return {
        "id": identity,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": left, "y": top, "w": panel.width, "h": panel.height},
        "targets": [_target(query, index) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(query: Query, index: int) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + index),
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "range": True,
        "instant": False,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"value": None, "color": panel.base}]
    steps += [{"value": step.value, "color": step.colour} for step in panel.thresholds]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "mappings": _mappings(panel.states),
        "noValue": "no data",
    }
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.minimum is not None:
        defaults["min"] = panel.minimum
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.kind == "state-timeline":
        defaults["custom"] = {"lineWidth": 0, "fillOpacity": 70}
    elif panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 25 if panel.stacked else 5,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if panel.thresholds else "off"},
            "scaleDistribution": {"type": "log", "log": 10} if panel.logarithmic else {"type": "linear"},
        }
    return defaults


def _options(panel: Panel) -> dict[str, Any]:
    tooltip = {"mode": "multi", "sort": "desc"}
    if panel.kind == "stat":
        reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduced, "colorMode": "value", "graphMode": "area", "textMode": "auto"}
    if panel.kind == "state-timeline":
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []}
        return {"legend": legend, "tooltip": tooltip, "showValue": "never", "rowHeight": 0.9, "mergeValues": True}
    beside = panel.width >= WIDE
    legend = {
        "displayMode": "table" if beside else "list",
        "placement": "right" if beside else "bottom",
        "showLegend": True,
        "calcs": ["mean", "max"] if beside else [],
    }
    return {"legend": legend, "tooltip": tooltip}


def _mappings(states: Sequence[State]) -> list[dict[str, Any]]:
    options = {
        str(state.value): {"text": state.text, "color": state.colour, "index": index}
        for index, state in enumerate(states)
    }
    return [{"type": "value", "options": options}] if states else []
