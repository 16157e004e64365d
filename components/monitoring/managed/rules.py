"""Rules of what AWS runs of monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.monitoring.profile import remote_write, trace_destination, writes_to_cloudwatch
from components.rules import Finding, RuleSet, Severity

if TYPE_CHECKING:
    from components.monitoring.settings import MonitoringSettings

rules = RuleSet("monitoring")


@rules.rule("managed.nobody-writes", source="Prometheus in the cluster is what writes to Managed Prometheus")
def managed_prometheus_has_a_writer(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """Where Managed Prometheus is asked for, there is a Prometheus that writes to it."""
    if monitoring.managed_prometheus.enabled and not monitoring.enabled:
        yield Finding(
            "managedPrometheus.enabled",
            "monitoring is off, so nothing would write to the workspace",
            "set monitoring.enabled: true, or managedPrometheus.enabled: false",
        )


@rules.rule(
    "managed.grafana-sees-nothing",
    source="Amazon Managed Grafana reads data sources of AWS",
    severity=Severity.WARNING,
)
def managed_grafana_has_something_to_show(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """Where Managed Grafana is, something of the stack is kept in AWS."""
    kept = remote_write(monitoring) or writes_to_cloudwatch(monitoring) or trace_destination(monitoring) == "xray"
    if monitoring.managed_grafana.enabled and not kept:
        yield Finding(
            "managedGrafana.enabled",
            "metrics, logs and traces are all kept in the cluster, which a managed workspace does not see",
            "set profile: aws, or managedPrometheus.enabled: true",
        )


@rules.rule(
    "managed.observability-needs-prometheus",
    source="amazon-sagemaker-hyperpod-observability: ampWorkspace is required (awsome-distributed-ai hyperpod-eks-tf)",
)
def hyperpods_observability_has_a_workspace(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """HyperPod's observability writes to Managed Prometheus."""
    if monitoring.hyperpod_observability.enabled and not remote_write(monitoring):
        yield Finding(
            "hyperpodObservability.enabled",
            "the add-on writes to a workspace of Managed Prometheus, and there is none",
            "set managedPrometheus.enabled: true",
        )
