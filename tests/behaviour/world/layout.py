"""The played stack: two models, their pods and nodes, labelled as the program's own monitors label them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.monitoring.monitors import API_PORT, EngineTarget, RouterTarget
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE

GPUS = 4
"""GPUs of each node and pod."""
EFA_DEVICES = ("rdmap79s0", "rdmap80s0")
MODELS = ("qwen3-30b", "deepseek-r1")
SHARE = {"qwen3-30b": 1.0, "deepseek-r1": 0.6}
"""Of `Conditions.requests_per_second`."""
SLOWNESS = {"qwen3-30b": 1.0, "deepseek-r1": 1.7}
SYSTEM_NODE = "ip-10-0-0-5.ec2.internal"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of an engine. `lost` is the one whose node goes away in an outage."""

    lws: str
    model: str
    role: str
    group: int
    rank: int
    number: int
    lost: bool = False

    @property
    def name(self) -> str:
        """Its name as LeaderWorkerSet makes it: the leader's has no rank."""
        return f"{self.lws}-{self.group}" + (f"-{self.rank}" if self.rank else "")

    @property
    def address(self) -> str:
        """Its IP address."""
        return f"10.0.1.{10 + self.number}"

    @property
    def node(self) -> str:
        """The node, which it has for itself."""
        return f"ip-10-0-2-{10 + self.number}.ec2.internal"

    @property
    def leads(self) -> bool:
        """Whether it is rank 0, which answers requests."""
        return self.rank == 0

    def labels(self, version: str) -> dict[str, str]:
        """The labels that its PodMonitor gives every series."""
        monitor = EngineTarget(self.lws, self.model, self.role, version).pod_monitor(interval_seconds=15)
        meta = {
            "leaderworkerset.sigs.k8s.io/name": self.lws,
            "leaderworkerset.sigs.k8s.io/group-index": str(self.group),
            "leaderworkerset.sigs.k8s.io/worker-index": str(self.rank),
        }
        return _target(monitor, meta, namespace=NAMESPACE, pod=self.name, container="engine", address=self.address)


PODS = (
    Pod("qwen3-30b", "qwen3-30b", "serve", 0, 0, 0),
    Pod("qwen3-30b", "qwen3-30b", "serve", 1, 0, 1),
    Pod("deepseek-r1-prefill", "deepseek-r1", "prefill", 0, 0, 2),
    Pod("deepseek-r1-prefill", "deepseek-r1", "prefill", 0, 1, 3),
    Pod("deepseek-r1-decode", "deepseek-r1", "decode", 0, 0, 4),
    Pod("deepseek-r1-decode", "deepseek-r1", "decode", 0, 1, 5),
    Pod("deepseek-r1-decode", "deepseek-r1", "decode", 1, 0, 6),
    Pod("deepseek-r1-decode", "deepseek-r1", "decode", 1, 1, 7, lost=True),
)


def group_of_lost(pod: Pod) -> bool:
    """Whether the pod is in the group that loses a node: LeaderWorkerSet takes the whole group away."""
    return any(pod.lws == other.lws and pod.group == other.group for other in PODS if other.lost)


def router_labels(model: str, number: int) -> dict[str, str]:
    """The labels that the routers' PodMonitor gives every series."""
    name = f"{model}-router"
    meta = {"app.kubernetes.io/name": name}
    monitor = RouterTarget(name, model, meta, 29000).pod_monitor(interval_seconds=15)
    pod, address = f"{name}-6c9d5b7f4-{number}", f"10.0.0.{50 + number}"
    return _target(monitor, meta, namespace=ROUTER_NAMESPACE, pod=pod, container="router", address=address)


def service_labels(job: str, namespace: str, pod: str, instance: str, **others: str) -> dict[str, str]:
    """The labels that a ServiceMonitor without relabelings gives every series."""
    endpoint = {"container": job, "endpoint": "metrics", "service": job}
    return {"job": job, "instance": instance, "namespace": namespace, "pod": pod, **endpoint, **others}


def _target(
    monitor: Mapping[str, Any], meta: Mapping[str, str], *, namespace: str, pod: str, container: str, address: str
) -> dict[str, str]:
    """What the Prometheus operator and the monitor's relabelings make of a pod with the labels `meta`."""
    (endpoint,) = monitor["podMetricsEndpoints"]
    labels = {
        "job": meta[monitor["jobLabel"]],
        "instance": f"{address}:{endpoint.get('portNumber', API_PORT)}",
        "namespace": namespace,
        "pod": pod,
        "container": container,
    }
    found = {_sanitized(name): value for name, value in meta.items()}
    for rule in endpoint["relabelings"]:
        if "replacement" in rule:
            labels[rule["targetLabel"]] = rule["replacement"]
        else:
            (source,) = rule["sourceLabels"]
            labels[rule["targetLabel"]] = found[source]
    return labels


def _sanitized(label: str) -> str:
    return "__meta_kubernetes_pod_label_" + "".join(c if c.isalnum() else "_" for c in label)
