"""Dashboards in the JSON that Grafana reads (schema version 41). Pure.

Rows are laid out in the order given: panels fill 24 columns from the left and wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, State, Variable

SCHEMA_VERSION = 41
COLUMNS = 24
DATASOURCE: dict[str, str] = {"type": "prometheus", "uid": "${datasource}"}
WIDE = 12
"""From this width on, a legend stands beside its graph, as a table."""


def to_json(board: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana's provisioning reads it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": list(board.tags),
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": board.refresh,
        "time": {"from": f"now-{board.hours}h", "to": "now"},
        "timezone": "utc",
        "links": [_link(board.tags)],
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), *map(_variable, board.variables)]},
        "panels": _panels(board.rows),
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
