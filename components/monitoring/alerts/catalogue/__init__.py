"""Every alert, by theme. Pure data."""

from __future__ import annotations

from typing import Final

from components.monitoring.alerts.catalogue import hardware, objectives, platform, requests, service
from components.monitoring.alerts.model import Alert

ALERTS: Final[tuple[Alert, ...]] = (*requests.ALERTS, *service.ALERTS, *hardware.ALERTS, *platform.ALERTS)
"""Every alert that needs no objective; those on objectives are made for each model (`objectives.py`)."""

EVERY: Final[tuple[Alert, ...]] = (*ALERTS, *objectives.ALERTS)
"""Every alert."""
