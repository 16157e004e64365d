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
        "monitoring.efaExporter.owner",
        "set owner: stack, and networkMetrics: DISABLED where HyperPod's observability is on",
    ),
    Exporter.CLOUDWATCH: (
        "monitoring.alerts.alsoScraped",
        "run the CloudWatch exporter, let Prometheus scrape it and add cloudwatchExporter",
    ),
}
"""Where an exporter that may be missing is switched on, and how."""


_LOOK_BACK_DAYS = 3


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


@rules.rule(
    "alerts.objective-retention",
    source="components/monitoring/alerts/catalogue/objectives.py: the longest window",
    severity=Severity.WARNING,
)
def prometheus_keeps_what_objectives_look_back_on(stack: StackSettings) -> Iterator[Finding]:
    """Prometheus keeps samples for as long as the slowest burn of a budget is looked for."""
    monitoring = stack.monitoring
    promised = any(model.objectives.enabled for model in stack.models)
    if monitoring.enabled and monitoring.alerts.enabled and promised and monitoring.retention_days < _LOOK_BACK_DAYS:
        yield Finding(
            "monitoring.retentionDays",
            f"{monitoring.retention_days} days are kept, and objectives look back on {_LOOK_BACK_DAYS}",
            f"set retentionDays: {_LOOK_BACK_DAYS} or more, or models[].objectives.enabled: false",
        )


@rules.rule("alertmanager.unknown-secret", source="pulumi config: a secret that is not in the stack file has no value")
def keys_of_receivers_are_there(stack: StackSettings) -> Iterator[Finding]:
    """Every secret that a receiver or the heartbeat names is in the stack file."""
    alertmanager = stack.monitoring.alertmanager
    if not stack.monitoring.enabled or not alertmanager.enabled:
        return
    named: list[tuple[str, str]] = []
    for index, receiver in enumerate(alertmanager.receivers):
        at = f"monitoring.alertmanager.receivers[{index}]"
        if receiver.slack:
            named.append((f"{at}.slack.urlSecret", receiver.slack.url_secret))
        if receiver.pager_duty:
            named.append((f"{at}.pagerDuty.routingKeySecret", receiver.pager_duty.routing_key_secret))
    if alertmanager.heartbeat:
        named.append(("monitoring.alertmanager.heartbeat.urlSecret", alertmanager.heartbeat.url_secret))
    for path, name in named:
        if name not in stack.secrets:
            fix = f"store it with `pulumi config set --secret sglang-hyperpod:{name}`"
            yield Finding(path, f"the stack has no secret {name}", fix)
