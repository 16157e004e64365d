"""Rules of the workload's logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.monitoring.profile import log_destination
from components.rules import Finding, RuleSet

if TYPE_CHECKING:
    from components.monitoring.settings import MonitoringSettings

rules = RuleSet("monitoring")

CLOUDWATCH_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Retentions that CloudWatch Logs takes."""


@rules.rule(
    "logs.retention-step",
    source="CloudWatch Logs API reference, PutRetentionPolicy: the values of retentionInDays",
)
def cloudwatch_keeps_logs_for_certain_times(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """CloudWatch Logs takes certain numbers of days only."""
    days = monitoring.logs.retention_days
    if log_destination(monitoring) == "cloudwatch" and days not in CLOUDWATCH_DAYS:
        longer = next(known for known in CLOUDWATCH_DAYS if known > days)
        shorter = next(known for known in reversed(CLOUDWATCH_DAYS) if known < days)
        yield Finding(
            "logs.retentionDays",
            f"CloudWatch Logs has no retention of {days} days",
            f"set retentionDays to {shorter} or {longer}",
        )
