"""Rules of traces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.monitoring.profile import trace_destination
from components.monitoring.traces.plan import XRAY_DAYS
from components.rules import Finding, RuleSet, Severity

if TYPE_CHECKING:
    from components.monitoring.settings import MonitoringSettings

rules = RuleSet("monitoring")


@rules.rule(
    "traces.xray-retention",
    source="AWS X-Ray FAQ: trace data is retained for 30 days from the time that it is recorded",
    severity=Severity.WARNING,
)
def xray_keeps_traces_for_its_own_time(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """X-Ray's retention cannot be set."""
    traces = monitoring.traces
    asked = "retention_days" in traces.model_fields_set and traces.retention_days != XRAY_DAYS
    if asked and trace_destination(monitoring) == "xray":
        yield Finding(
            "traces.retentionDays",
            f"X-Ray keeps traces for {XRAY_DAYS} days, not {traces.retention_days}",
            "leave retentionDays out, or set destination: tempo",
        )
