"""What kube-state-metrics, the kubelet, KEDA and the LeaderWorkerSet controller export."""

from __future__ import annotations

from tests.behaviour.world.conditions import Conditions
from tests.behaviour.world.layout import (
    GPUS,
    MODELS,
    NAMESPACE,
    PODS,
    ROUTER_NAMESPACE,
    SYSTEM_NODE,
    Pod,
    group_of_lost,
)
from tests.behaviour.world.target import Target

POOLS = {
    "system": ("m6i.xlarge", [SYSTEM_NODE]),
    "gpu": ("ml.g6e.12xlarge", [pod.node for pod in PODS if pod.role == "serve"]),
    "large": ("ml.p5.48xlarge", [pod.node for pod in PODS if pod.role != "serve"]),
}
"""Pool: instance type and nodes."""
_POOL_OF = {node: pool for pool, (_, nodes) in POOLS.items() for node in nodes}
LIMITS = {"qwen3-30b": (2, 2, 4), "deepseek-r1-prefill": (1, 1, 2), "deepseek-r1-decode": (1, 2, 2)}
"""LeaderWorkerSet: fewest, normal and most groups."""


class Cluster:
    """The objects of the played stack. `state` is kube-state-metrics, the others as they are called."""

    def __init__(self, state: Target, kubelet: Target, keda: Target, lws: Target) -> None:
        self.state, self.kubelet, self.keda, self.lws = state, kubelet, keda, lws
        self._recreated: dict[str, float] = {}
        self._was_lost = False

    def step(self, seconds: float, clock: float, now: Conditions) -> None:
        """Let seconds pass; `clock` is the time, in seconds since 1970."""
        for name in ("kube_node_info", "kube_node_status_condition", "kube_pod_status_phase", "kube_pod_info"):
            self.state.drop(name)
        if self._was_lost and not now.node_lost:
            self._recreated = {pod.name: clock for pod in PODS if group_of_lost(pod)}
        self._was_lost = now.node_lost
        self._node(SYSTEM_NODE, 0, ready=True, clock=clock)
        for pod in PODS:
            self._node(pod.node, GPUS, ready=not (pod.lost and now.node_lost), clock=clock)
            away = now.node_lost and group_of_lost(pod)
            self._pod(pod, away, clock)
            self._waits(pod, now.image_missing and pod.leads and pod.model == MODELS[0])
            sent = {"namespace": NAMESPACE, "pod": pod.name, "interface": "eth0"}
            self.kubelet.count("container_network_transmit_bytes_total", 0 if away else seconds * 3e6, **sent)
            self.kubelet.count("container_network_receive_bytes_total", 0 if away else seconds * 1e6, **sent)
        for lws, (least, normal, most) in LIMITS.items():
            self._group(lws, least, normal, most, seconds, now)
        for model in MODELS:
            labels = {"namespace": ROUTER_NAMESPACE, "deployment": f"{model}-router"}
            self.state.gauge("kube_deployment_spec_replicas", 2, **labels)
            self.state.gauge("kube_deployment_status_replicas_available", 0 if now.router_down else 2, **labels)
        claim = {"namespace": NAMESPACE, "persistentvolumeclaim": "weights"}
        self.kubelet.gauge("kubelet_volume_stats_capacity_bytes", 4.8e12, **claim)
        self.kubelet.gauge("kubelet_volume_stats_used_bytes", 1.3e12, **claim)
        self.kubelet.gauge("kubelet_volume_stats_available_bytes", 3.5e12, **claim)

    def _node(self, node: str, gpus: int, *, ready: bool, clock: float) -> None:
        put = self.state
        put.gauge("kube_node_info", 1, node=node)
        put.gauge("kube_node_labels", 1, node=node, label_sglang_hyperpod_pool=_POOL_OF[node])
        put.gauge("kube_node_created", clock // 86400 * 86400 - 86400, node=node)
        put.gauge("kube_node_spec_unschedulable", 0 if ready else 1, node=node)
        for status, holds in (("true", ready), ("false", False), ("unknown", not ready)):
            put.gauge("kube_node_status_condition", int(holds), node=node, condition="Ready", status=status)
        for name in ("kube_node_status_allocatable", "kube_node_status_capacity"):
            put.gauge(name, gpus, node=node, resource="nvidia_com_gpu", unit="integer")

    def _pod(self, pod: Pod, away: bool, clock: float) -> None:
        put = self.state
        labels = {"namespace": NAMESPACE, "pod": pod.name, "uid": f"{pod.number:08d}"}
        inside = {**labels, "container": "engine"}
        for phase, holds in (("Running", not away), ("Pending", away), ("Failed", False)):
            put.gauge("kube_pod_status_phase", int(holds), **labels, phase=phase)
        owner = {
            "created_by_kind": "StatefulSet",
            "created_by_name": pod.lws if pod.leads else f"{pod.lws}-{pod.group}",
        }
        put.gauge("kube_pod_info", 1, **labels, node="" if away else pod.node, **owner)
        put.gauge("kube_pod_status_ready", int(not away), **labels, condition="true")
        if away:
            put.gauge("kube_pod_status_unschedulable", 1, **labels)
        else:
            put.remove("kube_pod_status_unschedulable", **labels)
        put.gauge("kube_pod_created", self._recreated.get(pod.name, clock // 86400 * 86400 - 86400), **labels)
        put.count("kube_pod_container_status_restarts_total", 0, **inside)
        of_group = {"name": pod.lws, "group_index": str(pod.group), "worker_index": str(pod.rank)}
        shown = {f"label_leaderworkerset_sigs_k8s_io_{key}": value for key, value in of_group.items()}
        put.gauge("kube_pod_labels", 1, **labels, **shown)
        asked = {"node": pod.node, "resource": "nvidia_com_gpu", "unit": "integer"}
        put.gauge("kube_pod_container_resource_requests", GPUS, **inside, **asked)

    def _waits(self, pod: Pod, waits: bool) -> None:
        labels = {"namespace": NAMESPACE, "pod": pod.name, "uid": f"{pod.number:08d}", "container": "engine"}
        if waits:
            self.state.gauge("kube_pod_container_status_waiting_reason", 1, **labels, reason="ImagePullBackOff")
        else:
            self.state.remove("kube_pod_container_status_waiting_reason", **labels, reason="ImagePullBackOff")

    def _group(self, lws: str, least: int, normal: int, most: int, seconds: float, now: Conditions) -> None:
        put, scaler = self.state, {"namespace": NAMESPACE, "horizontalpodautoscaler": f"keda-hpa-{lws}"}
        missing = len({pod.group for pod in PODS if pod.lws == lws and group_of_lost(pod)}) if now.node_lost else 0
        wanted = most if now.pressure > 0.85 else normal
        named = {"namespace": NAMESPACE, "statefulset": lws}
        put.gauge("kube_statefulset_replicas", normal, **named)
        put.gauge("kube_statefulset_status_replicas_ready", normal - missing, **named)
        put.gauge("kube_horizontalpodautoscaler_spec_min_replicas", least, **scaler)
        put.gauge("kube_horizontalpodautoscaler_spec_max_replicas", most, **scaler)
        put.gauge("kube_horizontalpodautoscaler_status_current_replicas", normal, **scaler)
        put.gauge("kube_horizontalpodautoscaler_status_desired_replicas", wanted, **scaler)
        target = {"scaletargetref_api_version": "leaderworkerset.x-k8s.io/v1", "scaletargetref_kind": "LeaderWorkerSet"}
        put.gauge("kube_horizontalpodautoscaler_info", 1, **scaler, **target, scaletargetref_name=lws)
        metric = {
            "namespace": NAMESPACE,
            "metric": "s0-prometheus",
            "scaledObject": lws,
            "scaler": "prometheusScaler",
            "triggerIndex": "0",
            "type": "scaledobject",
        }
        self.keda.gauge("keda_scaler_metrics_value", 30 * now.pressure, **metric)
        self.keda.gauge("keda_scaler_active", 1, **metric)
        self.keda.count("keda_scaler_detail_errors_total", 0, **metric)
        self.keda.count("keda_scaled_object_errors_total", 0, namespace=NAMESPACE, scaledObject=lws)
        self.keda.gauge("keda_scaled_object_paused", 0, namespace=NAMESPACE, scaledObject=lws)
        reconciled = {"controller": "leaderworkerset", "result": "success"}
        self.lws.count("controller_runtime_reconcile_total", seconds * 0.05, **reconciled)
        self.lws.count("controller_runtime_reconcile_errors_total", 0, controller="leaderworkerset")
