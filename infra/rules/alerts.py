"""Rules of alerts that need other sections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.monitoring.alerts.catalogue import ALERTS
from components.monitoring.alerts.exporters import Exporter
from components.rules import Finding, RuleSet, Severity
from infra.plan.alerts import exporters_of, features_of

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")

_SWITCH: dict[Exporter, tuple[str, str]] = {
    Exporter.DCGM: ("platform.gpuOperator.dcgmExporter", "set platform.gpuOperator.dcgmExporter: true"),
    Exporter.EFA: (
        "monitoring.alerts.alsoScraped",
        "run the AWS EFA node exporter, let Prometheus scrape it and add efaExporter",
    ),
    Exporter.CLOUDWATCH: (
        "monitoring.alerts.alsoScraped",
        "run the CloudWatch exporter, let Prometheus scrape it and add cloudwatchExporter",
    ),
}
"""Where an exporter that may be missing is switched on, and how."""


@rules.rule(
    "alerts.off",
    source="components/monitoring/alerts/catalogue: the exporters of each alert",
    severity=Severity.ADVICE,
)
def alerts_without_an_exporter_say_so(stack: StackSettings) -> Iterator[Finding]:
    """An alert that nothing feeds is off, and a preview says so."""
    alerts = stack.monitoring.alerts
    if not stack.monitoring.enabled or not alerts.enabled:
        return
    exporters, features = exporters_of(stack), features_of(stack)
    off: dict[Exporter, list[str]] = defaultdict(list)
    for alert in ALERTS:
        if alert.features <= features and alert.name not in alerts.disabled:
            for exporter in set(alert.exporters) - exporters:
                off[exporter].append(alert.name)
    for exporter, names in off.items():
        path, fix = _SWITCH[exporter]
        yield Finding(path, f"without {exporter} these alerts are off: {', '.join(names)}", fix)
