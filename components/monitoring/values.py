"""Values of the chart `kube-prometheus-stack`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.aws.nodes.plan import POOL_LABEL
from components.monitoring.alertmanager import SECRET, SERVICE_ACCOUNT, config, secret_files
from components.monitoring.alerts.exporters import NODE_LABELS_ALLOWED, POD_LABELS_ALLOWED
from components.monitoring.receivers import AlertmanagerSettings
from components.monitoring.settings import GrafanaSettings, MonitoringSettings

RELEASE = "kube-prometheus-stack"
NAMESPACE = "monitoring"
NODE_EXPORTER_NAMESPACE = "node-exporter"
PROMETHEUS_ACCOUNT = "prometheus"
GRAFANA_ADMIN = "grafana-admin"
DASHBOARD_LABEL = "grafana_dashboard"
DATA_SOURCE_LABEL = "grafana_datasource"
FOLDER_ANNOTATION = "grafana_folder"
GRAFANA_SERVICE = f"{RELEASE}-grafana"
PROMETHEUS_URL = f"http://{RELEASE}-prometheus.{NAMESPACE}.svc:9090"

_UNREACHABLE = {"enabled": False}
"""EKS runs etcd, scheduler and controller manager where no pod can reach them; kube-proxy listens on localhost."""

_SELECTORS = ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig")


def values(
    monitoring: MonitoringSettings,
    *,
    cluster_name: str,
    storage_class: str,
    node_selector: Mapping[str, str],
    keep_volumes: bool,
    admin_secret: bool,
    trace_source: str | None = None,
    plugins: Sequence[str] = (),
    remote_write: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The chart's values.

    `keep_volumes`: volumes outlive an uninstalled release. `admin_secret`: Grafana's password is in the Secret
    `grafana-admin` instead of one that the chart draws. `trace_source` is the data source to which exemplars lead,
    None where there is none: the collector's span metrics alone carry any. `plugins` are what Grafana fetches when it
    starts. `remote_write` is where samples are written
    to beside the volume, from `written_to`.
    """
    nodes = dict(node_selector)
    claims = {"whenDeleted": "Retain" if keep_volumes else "Delete", "whenScaled": "Retain"}
    return {
        "kubeControllerManager": _UNREACHABLE,
        "kubeScheduler": _UNREACHABLE,
        "kubeEtcd": _UNREACHABLE,
        "kubeProxy": _UNREACHABLE,
        "defaultRules": {
            "rules": dict.fromkeys(_UNREACHABLE_RULES, False),
            # The stack's own has a runbook and a route; two would be two heartbeats.
            "disabled": {"Watchdog": monitoring.alerts.enabled},
        },
        "prometheusOperator": {
            "nodeSelector": nodes,
            "resources": _resources("100m", "128Mi", "512Mi"),
            "admissionWebhooks": {"patch": {"nodeSelector": nodes}},
        },
        "prometheus": {
            "serviceAccount": {"create": True, "name": PROMETHEUS_ACCOUNT},
            "prometheusSpec": {
                **_prometheus(monitoring, cluster_name, storage_class),
                **(_EXEMPLARS if trace_source else {}),
                **({"remoteWrite": [dict(remote_write)]} if remote_write else {}),
                "nodeSelector": nodes,
                "persistentVolumeClaimRetentionPolicy": claims,
            },
        },
        "alertmanager": {
            "enabled": monitoring.alertmanager.enabled,
            "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT},
            "config": config(monitoring.alertmanager, cluster_name=cluster_name),
            "alertmanagerSpec": {
                **_alertmanager(monitoring.alertmanager, storage_class),
                "nodeSelector": nodes,
                "persistentVolumeClaimRetentionPolicy": claims,
            },
        },
        "grafana": {
            **_grafana(monitoring.grafana, storage_class, admin_secret, trace_source),
            **({"plugins": list(plugins)} if plugins else {}),
            "nodeSelector": nodes,
        },
        "kubeStateMetrics": {"enabled": monitoring.kube_state_metrics},
        "kube-state-metrics": {
            "nodeSelector": nodes,
            "resources": _resources("50m", "128Mi", "512Mi"),
            # Without the pool's label no series tells to which pool a node belongs.
            "metricLabelsAllowlist": [
                f"pods=[{','.join(POD_LABELS_ALLOWED)}]",
                f"nodes=[{','.join((*NODE_LABELS_ALLOWED, POOL_LABEL))}]",
            ],
        },
        "nodeExporter": {"enabled": monitoring.node_exporter},
        "prometheus-node-exporter": {
            # It needs the host's network and files: its own namespace lets all the others be restricted.
            "namespaceOverride": NODE_EXPORTER_NAMESPACE,
            "priorityClassName": "system-node-critical",
            "resources": _resources("50m", "64Mi", "256Mi"),
        },
    }


_UNREACHABLE_RULES = (
    "etcd",
    "kubeControllerManager",
    "kubeProxy",
    "kubeSchedulerAlerting",
    "kubeSchedulerRecording",
    "windows",
)
"""Rules over what is not scraped: their alerts "target disappeared" would always fire."""


def _prometheus(monitoring: MonitoringSettings, cluster_name: str, storage_class: str) -> dict[str, Any]:
    return {
        # Otherwise only objects with the label `release` of this chart would count.
        **{f"{kind}SelectorNilUsesHelmValues": False for kind in _SELECTORS},
        "replicas": monitoring.replicas,
        "retention": f"{monitoring.retention_days}d",
        # Prometheus takes GB as 2^30 bytes.
        "retentionSize": f"{monitoring.retention_size_gib}GB",
        "walCompression": True,
        "externalLabels": {"cluster": cluster_name},
        "storageSpec": _claim(storage_class, monitoring.storage_gib),
        "resources": _resources(monitoring.cpu_request, monitoring.memory_request, monitoring.memory_limit),
    }


def _alertmanager(settings: AlertmanagerSettings, storage_class: str) -> dict[str, Any]:
    return {
        "replicas": settings.replicas,
        "storage": _claim(storage_class, settings.storage_gib),
        "resources": _resources("50m", "64Mi", "256Mi"),
        "secrets": [SECRET] if secret_files(settings) else [],
    }


def _grafana(
    settings: GrafanaSettings, storage_class: str, admin_secret: bool, trace_source: str | None
) -> dict[str, Any]:
    persistence: dict[str, Any] = {"enabled": settings.storage_gib > 0}
    if settings.storage_gib:
        persistence |= {"storageClassName": storage_class, "size": f"{settings.storage_gib}Gi"}
    return {
        "enabled": settings.enabled,
        **({"admin": {"existingSecret": GRAFANA_ADMIN}} if admin_secret else {}),
        "persistence": persistence,
        # A volume of one node at a time: the old pod must let go before the new one can have it.
        "deploymentStrategy": {"type": "Recreate"},
        # It runs as root; the volume's group does the same without.
        "initChownData": {"enabled": False},
        # The sidecars would otherwise read every Secret of the cluster.
        "rbac": {"namespaced": True},
        "sidecar": {
            "resources": _resources("50m", "100Mi", "256Mi"),
            "dashboards": {
                "enabled": True,
                "label": DASHBOARD_LABEL,
                "labelValue": "1",
                "searchNamespace": NAMESPACE,
                "resource": "configmap",
                "folderAnnotation": FOLDER_ANNOTATION,
                "provider": {"foldersFromFilesStructure": True, "allowUiUpdates": False},
            },
            "datasources": {
                "label": DATA_SOURCE_LABEL,
                "labelValue": "1",
                "searchNamespace": NAMESPACE,
                "resource": "configmap",
                **({"exemplarTraceIdDestinations": _destination(trace_source)} if trace_source else {}),
            },
        },
        "grafana.ini": {"analytics": {"check_for_updates": False, "reporting_enabled": False}},
        "resources": _resources("100m", "256Mi", settings.memory_limit),
    }


def written_to(url: Any, region: str) -> dict[str, Any]:
    """Managed Prometheus as an endpoint of remote write: requests are signed with the pod's own identity.

    The queue is what AWS recommends for it (Amazon Managed Service for Prometheus user guide, "Ingest metrics").
    """
    queue = {"maxSamplesPerSend": 1000, "maxShards": 200, "capacity": 2500}
    return {"url": url, "sigv4": {"region": region}, "queueConfig": queue}


_EXEMPLARS: dict[str, Any] = {"enableFeatures": ["exemplar-storage"], "exemplars": {"maxSize": 100_000}}


def _destination(trace_source: str) -> dict[str, str]:
    """The label is how the collector's Prometheus exporter names a trace."""
    return {"datasourceUid": trace_source, "traceIdLabelName": "trace_id"}


def _claim(storage_class: str, gib: int) -> dict[str, Any]:
    return {
        "volumeClaimTemplate": {
            "spec": {
                "storageClassName": storage_class,
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": f"{gib}Gi"}},
            }
        }
    }


def _resources(cpu: str, memory: str, memory_limit: str) -> dict[str, Any]:
    """Memory is bounded; CPU is not, since a throttled scraper loses samples."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}
