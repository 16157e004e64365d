"""Settings of monitoring, and the rules that keep Prometheus from filling its disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.facts import pins
from components.monitoring.alerts.settings import AlertSettings
from components.monitoring.efa_exporter.settings import EfaExporterSettings
from components.monitoring.logs.settings import LogSettings
from components.monitoring.managed.settings import (
    ContainerInsightsSettings,
    HyperPodObservabilitySettings,
    ManagedGrafanaSettings,
    ManagedPrometheusSettings,
)
from components.monitoring.receivers import AlertmanagerSettings
from components.monitoring.traces.settings import TraceSettings
from components.platform.versions import ChartVersion
from components.rules import Finding, RuleSet, Severity
from components.settings import Quantity, Settings

rules = RuleSet("monitoring")

Profile = Literal["cluster", "aws"]

SHARE_OF_DISK = 0.85
"""How much of its volume Prometheus may fill with blocks; the rest is for the write-ahead log and compaction
(https://prometheus.io/docs/prometheus/latest/storage/#right-sizing-retention-size: at most 80-85 %)."""


class GrafanaSettings(Settings):
    """Grafana, where the dashboards are."""

    enabled: bool = True
    """Run Grafana. Dashboards are made as ConfigMaps either way only where it runs."""
    admin_password_secret: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")] | None = None
    """Name under `secrets` of the password of `admin`. Without it the chart draws one at the first install and keeps it
    in the Kubernetes Secret `kube-prometheus-stack-grafana`."""
    storage_gib: Annotated[int, Field(ge=0, le=1000, alias="storageGiB")] = 10
    """Size of Grafana's volume (users, stars, what is edited by hand). 0: none, a restart forgets all but what the
    program provisions."""
    memory_limit: Quantity = "1Gi"
    """Memory limit of Grafana's main container."""
    xray_plugin_version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")] | None = pins.XRAY_PLUGIN
    """Version of the plugin `grafana-x-ray-datasource`, without which Grafana shows no trace of X-Ray. Where traces go
    there, Grafana fetches it from grafana.com each time it starts without it. null: none; X-Ray's traces are then seen
    in CloudWatch's console."""


class MonitoringSettings(Settings):
    """Prometheus, Grafana and Alertmanager in the cluster, by kube-prometheus-stack, and where logs and traces go."""

    profile: Profile = "cluster"
    """Where what is switched on is kept: `cluster` (logs in Loki, traces in Tempo) or `aws` (metrics also in Managed
    Prometheus, logs in CloudWatch, traces in X-Ray). Each choice below can differ from it."""
    enabled: bool = True
    """Install monitoring. Without it no one sees the engines, and nothing can scale by their queue."""
    chart_version: ChartVersion = pins.KUBE_PROMETHEUS_STACK.version
    """Version of the Helm chart `kube-prometheus-stack`."""
    retention_days: Annotated[int, Field(ge=1, le=365)] = 15
    """Days after which Prometheus deletes samples."""
    retention_size_gib: Annotated[int, Field(ge=1, le=10000, alias="retentionSizeGiB")] = 80
    """GiB of blocks above which Prometheus deletes the oldest, whatever their age. Prometheus stops when its disk is
    full, so this must stay below `storageGiB`."""
    storage_gib: Annotated[int, Field(ge=1, le=16384, alias="storageGiB")] = 100
    """Size of Prometheus's gp3 volume in GiB."""
    replicas: Annotated[int, Field(ge=1, le=2)] = 1
    """Prometheus pods. Each scrapes everything and has a volume of its own."""
    scrape_interval_seconds: Annotated[int, Field(ge=5, le=120)] = 15
    """Seconds between two scrapes of engines; autoscaling and alerts cannot be faster than this."""
    cpu_request: Quantity = "500m"
    """CPU that Prometheus asks for."""
    memory_request: Quantity = "2Gi"
    """Memory that Prometheus asks for."""
    memory_limit: Quantity = "8Gi"
    """Memory limit of Prometheus; each million active series takes a few GiB."""
    node_exporter: bool = True
    """Run the node exporter on every node. Off where something else owns it: both would want host port 9100."""
    kube_state_metrics: bool = True
    """Run kube-state-metrics, which tells the state of pods, nodes and jobs. Off where another one runs that Prometheus
    scrapes: of two every series would be there twice."""
    efa_exporter: EfaExporterSettings = EfaExporterSettings()
    """Who exports the counters of the EFA interfaces."""
    grafana: GrafanaSettings = GrafanaSettings()
    """Dashboards."""
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    """Who is told of alerts."""
    alerts: AlertSettings = AlertSettings()
    """What is worth telling."""
    logs: LogSettings = LogSettings()
    """What the workload writes."""
    traces: TraceSettings = TraceSettings()
    """Which way requests went, and how long each step took."""
    managed_prometheus: ManagedPrometheusSettings = ManagedPrometheusSettings()
    """A second, lasting place for metrics."""
    managed_grafana: ManagedGrafanaSettings = ManagedGrafanaSettings()
    """A Grafana outside the cluster."""
    container_insights: ContainerInsightsSettings = ContainerInsightsSettings()
    """CloudWatch metrics of nodes and pods."""
    hyperpod_observability: HyperPodObservabilitySettings = HyperPodObservabilitySettings()
    """HyperPod's own exporters."""


@rules.rule(
    "monitoring.retention-fits-disk",
    source="https://prometheus.io/docs/prometheus/latest/storage/: retention.size at most 80-85 % of the disk",
)
def retention_fits_the_disk(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """Prometheus deletes old blocks before its volume is full."""
    limit = int(monitoring.storage_gib * SHARE_OF_DISK)
    if monitoring.enabled and monitoring.retention_size_gib > limit:
        yield Finding(
            "retentionSizeGiB",
            f"{monitoring.retention_size_gib} GiB of blocks leave too little of {monitoring.storage_gib} GiB for the "
            "write-ahead log and compaction; Prometheus stops when the disk is full",
            f"set retentionSizeGiB to at most {max(limit, 1)}, or storageGiB to at least "
            f"{-(-monitoring.retention_size_gib * 100 // int(SHARE_OF_DISK * 100))}",
        )


@rules.rule(
    "monitoring.alerts-go-nowhere",
    source="Prometheus evaluates alerts without Alertmanager, but nobody is told",
    severity=Severity.ADVICE,
)
def alerts_have_a_sender(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """Where Prometheus runs, Alertmanager does too."""
    if monitoring.enabled and not monitoring.alertmanager.enabled:
        yield Finding(
            "alertmanager.enabled",
            "alerts are evaluated but no one is told of them",
            "set alertmanager.enabled: true",
        )


@rules.rule(
    "alertmanager.nobody",
    source="Alertmanager sends to receivers only",
    severity=Severity.ADVICE,
)
def somebody_is_told(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """Where Alertmanager runs, somebody is told, also when monitoring itself is gone."""
    alertmanager = monitoring.alertmanager
    if not monitoring.enabled or not alertmanager.enabled:
        return
    if not alertmanager.receivers:
        fix = "name a Slack channel, a PagerDuty service or an SNS topic"
        yield Finding("alertmanager.receivers", "alerts stay in Alertmanager and reach nobody", fix)
    elif alertmanager.heartbeat is None:
        message = "nobody is told when monitoring itself is gone"
        yield Finding("alertmanager.heartbeat", message, "name a heartbeat service by its urlSecret")


@rules.rule("alertmanager.one-way", source="an alert goes out by Slack, PagerDuty or SNS")
def a_receiver_has_one_way(monitoring: MonitoringSettings) -> Iterator[Finding]:
    """Each receiver is told in exactly one way, under a name of its own."""
    seen: dict[str, int] = {"nobody": -1, "heartbeat": -1}
    for index, receiver in enumerate(monitoring.alertmanager.receivers):
        path = f"alertmanager.receivers[{index}]"
        ways = {"slack": receiver.slack, "pagerDuty": receiver.pager_duty, "sns": receiver.sns}
        chosen = [way for way, settings in ways.items() if settings is not None]
        if len(chosen) != 1:
            said = " and ".join(chosen) if chosen else "none of slack, pagerDuty and sns"
            yield Finding(path, f"{receiver.name} has {said}", "give each receiver exactly one")
        if receiver.name in seen:
            yield Finding(f"{path}.name", f"{receiver.name} is taken", "give it a name of its own")
        seen.setdefault(receiver.name, index)
