"""Which dashboards a stack has. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.capacity import capacity
from components.monitoring.dashboards.fabric import fabric
from components.monitoring.dashboards.model import Dashboard
from components.monitoring.dashboards.one_model import one_model
from components.monitoring.dashboards.overview import overview
from components.monitoring.dashboards.parts import Parts
from components.monitoring.dashboards.prefill_decode import prefill_decode
from components.monitoring.dashboards.router import router


def dashboards(parts: Parts) -> tuple[Dashboard, ...]:
    """Those whose parts the stack has: no router's without routers, none of prefill and decode where no model has
    groups for each, none of the fabric where nothing measures GPUs or EFA.
    """
    return (
        overview(parts),
        one_model(parts),
        *([prefill_decode(parts)] if parts.phases_apart else []),
        *([router()] if parts.routed else []),
        *([fabric(parts)] if parts.gpus or parts.efa else []),
        capacity(parts),
    )
