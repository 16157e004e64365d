"""What monitoring registers."""

from __future__ import annotations

import json
from typing import Any

import pulumi_kubernetes

from components.base import Context
from components.monitoring.component import Monitoring, PodMonitors
from components.monitoring.dashboards.grafana import to_json
from components.monitoring.dashboards.router import router
from components.monitoring.monitors import EngineTarget
from components.monitoring.settings import GrafanaSettings, MonitoringSettings
from tests.support import Recorded, Recording, context, run

RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
POD_MONITOR = "kubernetes:monitoring.coreos.com/v1:PodMonitor"


def monitoring(ctx: Context | None = None, settings: MonitoringSettings | None = None, **inputs: Any) -> Recording:
    inputs = {"cluster_name": "sglang-test", "dashboards": {"sglang-router": to_json(router())}} | inputs
    return run(lambda: Monitoring("monitoring", ctx or context(), settings or MonitoringSettings(), **inputs))


def values(recording: Recording) -> dict[str, Any]:
    return dict(recording.one(RELEASE).inputs["values"])


def level(room: Recorded) -> str:
    return str(room.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"])


def test_prometheus_sees_monitors_and_rules_of_every_release() -> None:
    spec = values(monitoring())["prometheus"]["prometheusSpec"]
    nil = {key: value for key, value in spec.items() if key.endswith("NilUsesHelmValues")}
    assert set(nil.values()) == {False}
    assert len(nil) == 5


def test_what_eks_hides_is_not_scraped() -> None:
    chart = values(monitoring())
    hidden = ("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy")
    assert [chart[component] for component in hidden] == [{"enabled": False}] * 4


def test_prometheus_keeps_what_the_settings_say() -> None:
    settings = MonitoringSettings(retention_days=7, retention_size_gib=40, storage_gib=50)
    spec = values(monitoring(settings=settings))["prometheus"]["prometheusSpec"]
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert (spec["retention"], spec["retentionSize"]) == ("7d", "40GB")
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("gp3", "50Gi")


def test_volumes_outlive_a_protected_stack_and_no_other() -> None:
    def policy(ctx: Context) -> str:
        spec = values(monitoring(ctx))["prometheus"]["prometheusSpec"]
        return str(spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"])

    assert policy(context(protect=True)) == "Retain"
    assert policy(context(protect=False)) == "Delete"


def test_the_volume_driver_outlives_the_claims() -> None:
    def program() -> None:
        driver = pulumi_kubernetes.core.v1.ConfigMap("driver", metadata={"name": "driver"})
        Monitoring("monitoring", context(), MonitoringSettings(), cluster_name="sglang-test", after=[driver])

    recording = run(program)
    (room,), (driver,) = recording.named("monitoring-namespace"), recording.named("driver")
    assert recording.depends(room, driver)


def test_only_the_node_exporter_has_a_privileged_namespace() -> None:
    recording = monitoring()
    levels = {room.inputs["metadata"]["name"]: level(room) for room in recording.of_type(NAMESPACE)}
    assert levels == {"monitoring": "restricted", "node-exporter": "privileged"}
    assert values(recording)["prometheus-node-exporter"]["namespaceOverride"] == "node-exporter"
    assert all(recording.depends(recording.one(RELEASE), room) for room in recording.of_type(NAMESPACE))


def test_without_node_exporter_there_is_no_privileged_namespace() -> None:
    recording = monitoring(settings=MonitoringSettings(node_exporter=False))
    assert [level(room) for room in recording.of_type(NAMESPACE)] == ["restricted"]
    assert values(recording)["nodeExporter"] == {"enabled": False}


def test_grafanas_password_is_a_secret_that_is_there_first() -> None:
    recording = monitoring(admin_password="swordfish")
    secret = recording.one(SECRET)
    assert secret.secret_paths == ["stringData"]
    assert values(recording)["grafana"]["admin"] == {"existingSecret": secret.inputs["metadata"]["name"]}
    assert recording.depends(recording.one(RELEASE), secret)


def test_without_a_password_the_chart_draws_one() -> None:
    recording = monitoring()
    assert recording.of_type(SECRET) == []
    assert "admin" not in values(recording)["grafana"]


def test_dashboards_are_where_grafana_looks_for_them() -> None:
    recording = monitoring()
    config = recording.one(CONFIG_MAP)
    sidecar = values(recording)["grafana"]["sidecar"]["dashboards"]
    assert config.inputs["metadata"]["labels"] == {sidecar["label"]: sidecar["labelValue"]}
    assert config.inputs["metadata"]["namespace"] == sidecar["searchNamespace"]
    assert config.inputs["metadata"]["annotations"] == {sidecar["folderAnnotation"]: "SGLang"}
    assert json.loads(config.inputs["data"]["sglang-router.json"])["uid"] == "sglang-router"


def test_without_grafana_there_are_no_dashboards() -> None:
    recording = monitoring(settings=MonitoringSettings(grafana=GrafanaSettings(enabled=False)))
    assert recording.of_type(CONFIG_MAP) == []


def monitor(interval_seconds: int = 15) -> dict[str, Any]:
    target = EngineTarget("deepseek-r1", "deepseek-r1", "aggregated", "0.5.17")
    recording = run(
        lambda: PodMonitors(
            "monitors", context(), namespace="inference", targets=[target], interval_seconds=interval_seconds
        )
    )
    found = recording.one(POD_MONITOR)
    assert found.inputs["metadata"] == {"name": "deepseek-r1", "namespace": "inference"}
    return dict(found.inputs["spec"])


def test_every_pod_of_a_group_is_scraped() -> None:
    spec = monitor()
    assert spec["selector"] == {"matchLabels": {"leaderworkerset.sigs.k8s.io/name": "deepseek-r1"}}
    (endpoint,) = spec["podMetricsEndpoints"]
    assert (endpoint["portNumber"], endpoint["path"], endpoint["interval"]) == (30000, "/metrics", "15s")


def test_series_tell_model_role_version_group_and_rank() -> None:
    labels = {label["targetLabel"]: label for label in monitor()["podMetricsEndpoints"][0]["relabelings"]}
    constant = {name: label["replacement"] for name, label in labels.items() if "replacement" in label}
    read = {
        name: label["sourceLabels"][0].rpartition("_io_")[2]
        for name, label in labels.items()
        if "sourceLabels" in label
    }
    assert constant == {"model": "deepseek-r1", "role": "aggregated", "engine_version": "0.5.17"}
    assert read == {"lws": "name", "group": "group_index", "rank": "worker_index"}


def test_a_scrape_ends_before_the_next_begins() -> None:
    assert monitor(5)["podMetricsEndpoints"][0]["scrapeTimeout"] == "5s"
    assert monitor(60)["podMetricsEndpoints"][0]["scrapeTimeout"] == "10s"
