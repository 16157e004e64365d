"""Stand-ins for what the charts run: pods with each chart's placement, requests and rights, taken from its values.

Charts' own templates are not to be had here; which keys of the values place which workload is read off them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from tests.cluster.client import Manifest

DEFAULTS = Path(__file__).parents[3] / "shared" / "charts"
"""A folder beside the repository with the default values of the pinned charts."""

needs_charts = pytest.mark.skipif(
    not DEFAULTS.exists(), reason="the charts' default values are not beside the repository"
)


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment or DaemonSet of a chart.

    `placement` is the section of the values with `nodeSelector`, `tolerations` and `affinity`; `resources` and
    `replicas` are paths too. `host`: the template asks for the host's network and paths, so its namespace must be
    privileged.
    """

    chart: str
    kind: Literal["Deployment", "DaemonSet"]
    name: str
    placement: str
    resources: str = ""
    replicas: str = ""
    host: bool = False


WORKLOADS = (
    Workload("lws", "Deployment", "lws-controller-manager", "", "resources", "replicaCount"),
    Workload("keda", "Deployment", "keda-operator", "operator", "resources.operator", "operator.replicaCount"),
    Workload(
        "keda", "Deployment", "keda-metrics", "metricsServer", "resources.metricServer", "metricsServer.replicaCount"
    ),
    Workload("keda", "Deployment", "keda-webhooks", "webhooks", "resources.webhooks", "webhooks.replicaCount"),
    Workload("gpu-operator", "Deployment", "gpu-operator", "operator", "operator.resources"),
    Workload("gpu-operator", "DaemonSet", "nvidia-device-plugin", "daemonsets", "devicePlugin.resources", host=True),
    Workload("gpu-operator", "DaemonSet", "nvidia-dcgm-exporter", "daemonsets", "dcgmExporter.resources", host=True),
    Workload("gpu-operator", "DaemonSet", "nfd-worker", "node-feature-discovery.worker", host=True),
    Workload("aws-efa-k8s-device-plugin", "DaemonSet", "aws-efa-k8s-device-plugin", "", "resources", host=True),
    Workload("aws-load-balancer-controller", "Deployment", "load-balancer", "", "resources", "replicaCount"),
    Workload(
        "kube-prometheus-stack",
        "Deployment",
        "prometheus",
        "prometheus.prometheusSpec",
        "prometheus.prometheusSpec.resources",
        "prometheus.prometheusSpec.replicas",
    ),
    Workload(
        "kube-prometheus-stack",
        "Deployment",
        "alertmanager",
        "alertmanager.alertmanagerSpec",
        "alertmanager.alertmanagerSpec.resources",
        "alertmanager.alertmanagerSpec.replicas",
    ),
    Workload("fluent-bit", "DaemonSet", "fluent-bit", "", "resources"),
    Workload(
        "kube-prometheus-stack",
        "Deployment",
        "prometheus-operator",
        "prometheusOperator",
        "prometheusOperator.resources",
    ),
    Workload("kube-prometheus-stack", "Deployment", "grafana", "grafana", "grafana.resources", "grafana.replicas"),
    Workload(
        "kube-prometheus-stack",
        "Deployment",
        "kube-state-metrics",
        "kube-state-metrics",
        "kube-state-metrics.resources",
    ),
    Workload(
        "kube-prometheus-stack",
        "DaemonSet",
        "node-exporter",
        "prometheus-node-exporter",
        "prometheus-node-exporter.resources",
        host=True,
    ),
)

SUBCHART_TOLERATIONS = {"node-exporter": [{"effect": "NoSchedule", "operator": "Exists"}]}
"""Defaults of subcharts, which the values file of the chart around them does not show."""


def stand_ins(release: Mapping[str, Any]) -> list[Manifest]:
    """The workloads of one release, given its inputs; none for a chart whose workloads or defaults are not known."""
    chart = release["chart"].rpartition("/")[2]
    workloads = [workload for workload in WORKLOADS if workload.chart == chart]
    # A chart from a folder, such as HyperPod's, has no version and no stand-ins.
    file = DEFAULTS / f"{chart}-{release.get('version')}.values.yaml"
    if not workloads or not file.exists():
        return []
    defaults = yaml.safe_load(file.read_text())
    values = _merge(defaults, release.get("values") or {})
    return [_manifest(workload, release["namespace"], values) for workload in workloads]


def _manifest(workload: Workload, namespace: str, values: Mapping[str, Any]) -> Manifest:
    labels = {"app.kubernetes.io/name": workload.name}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod(workload, values)},
    }
    if workload.kind == "Deployment":
        spec["replicas"] = _at(values, workload.replicas) or 1
    section = _at(values, workload.placement) or {}
    metadata = {"name": f"stand-in-{workload.name}", "namespace": section.get("namespaceOverride") or namespace}
    return {"apiVersion": "apps/v1", "kind": workload.kind, "metadata": metadata, "spec": spec}


def _pod(workload: Workload, values: Mapping[str, Any]) -> dict[str, Any]:
    placement = (_at(values, workload.placement) if workload.placement else values) or {}
    container = {
        "name": workload.name,
        "image": f"{workload.chart}:stand-in",
        "resources": _at(values, workload.resources) or {},
        "securityContext": {"privileged": True} if workload.host else _hardened(),
    }
    tolerations = placement.get("tolerations") or SUBCHART_TOLERATIONS.get(workload.name, [])
    pod = {
        "containers": [container],
        "nodeSelector": placement.get("nodeSelector") or {},
        "tolerations": tolerations,
        "affinity": placement.get("affinity") or _instance_types(values),
        "hostNetwork": workload.host,
    }
    return {key: value for key, value in pod.items() if value}


def _instance_types(values: Mapping[str, Any]) -> dict[str, Any]:
    """The node affinity that the EFA plugin's template makes of its list of instance types."""
    supported = values.get("supportedInstanceLabels")
    if not supported:
        return {}
    expressions = [{"key": supported["keys"][0], "operator": "In", "values": supported["values"]}]
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _hardened() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _at(values: Mapping[str, Any], path: str) -> Any:
    """What stands at `a.b.c`, None where there is nothing."""
    found: Any = values
    for key in path.split(".") if path else ["?"]:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges values: maps join, everything else is replaced, null takes a default away."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged
