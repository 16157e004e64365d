"""Dashboards as Grafana would show them, drawn from their JSON and what the real Prometheus answers."""

from tests.behaviour.draw.evaluate import Drawn, Line, evaluate
from tests.behaviour.draw.page import page

__all__ = ["Drawn", "Line", "evaluate", "page"]
