"""What Prometheus scrapes: every pod of an engine's LeaderWorkerSet, and the routers in front of them. Pure.

The pods of higher ranks serve `/metrics` too: with attention data parallelism their schedulers report from there, and
nowhere else. Metrics keep their own names (`sglang:num_running_reqs`): a colon is legal in a metric's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

API_PORT = 30000
"""SGLang's own default port; API and metrics share it, and the engine has no other port for metrics."""

_POD_LABEL = "__meta_kubernetes_pod_label_leaderworkerset_sigs_k8s_io_"


@dataclass(frozen=True, slots=True)
class EngineTarget:
    """The groups of one role to scrape.

    `name` is the LeaderWorkerSet's, or stands for those that the DisaggregatedSet `set_name` makes of the role, whose
    own names change with every version; `model` the model's name in the settings, `role` what the group does
    (`aggregated`, `prefill`, `decode`), `engine_version` the SGLang release, `port` the container port that serves
    `/metrics`: it must be declared by leader and workers, since Prometheus finds ports by declaration.
    """

    name: str
    model: str
    role: str
    engine_version: str
    port: int = API_PORT
    set_name: str | None = None

    def pod_monitor(self, *, interval_seconds: int) -> dict[str, Any]:
        """The `spec` of its PodMonitor.

        Series get the labels `model`, `role`, `engine_version`, `lws` (the LeaderWorkerSet), `group` (index of the
        replica) and `rank` (index of the pod in its group) beside those that the engine sets itself (`model_name`,
        `tp_rank`, ...).
        """
        job_label = "leaderworkerset.sigs.k8s.io/name"
        selector = {job_label: self.name}
        if self.set_name is not None:
            job_label = "disaggregatedset.x-k8s.io/name"
            selector = {job_label: self.set_name, "disaggregatedset.x-k8s.io/role": self.role}
        labels = [
            _constant("model", self.model),
            _constant("role", self.role),
            _constant("engine_version", self.engine_version),
            _from_pod("name", "lws") if self.set_name is None else _constant("lws", self.name),
            _from_pod("group_index", "group"),
            _from_pod("worker_index", "rank"),
        ]
        return _spec(job_label, selector, self.port, interval_seconds, labels)


@dataclass(frozen=True, slots=True)
class RouterTarget:
    """The routers of one model. `name` is the Deployment's, `model` the model's name in the settings, `labels` select
    the pods, `port` is the container port of the metrics.
    """

    name: str
    model: str
    labels: Mapping[str, str]
    port: int

    def pod_monitor(self, *, interval_seconds: int) -> dict[str, Any]:
        """The `spec` of its PodMonitor. Series (`smg_*`) get the labels `model` and `role="router"`."""
        labels = [_constant("model", self.model), _constant("role", "router")]
        return _spec("app.kubernetes.io/name", self.labels, self.port, interval_seconds, labels)


@dataclass(frozen=True, slots=True)
class GatewayTarget:
    """The gateway before all models. `labels` select its pods, `port` is the container port of its metrics."""

    name: str
    labels: Mapping[str, str]
    port: int

    def pod_monitor(self, *, interval_seconds: int) -> dict[str, Any]:
        """The `spec` of its PodMonitor. Series (`litellm_*`) get the label `role="gateway"`."""
        return _spec("app.kubernetes.io/name", self.labels, self.port, interval_seconds, [_constant("role", "gateway")])


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """The master of a model's Mooncake store. `labels` select its pod, `port` is the container port of its metrics."""

    name: str
    model: str
    labels: Mapping[str, str]
    port: int

    def pod_monitor(self, *, interval_seconds: int) -> dict[str, Any]:
        """The `spec` of its PodMonitor. Series (`master_*`) get the labels `model` and `role="store"`."""
        labels = [_constant("model", self.model), _constant("role", "store")]
        return _spec("app.kubernetes.io/name", self.labels, self.port, interval_seconds, labels)


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """What a DaemonSet measures of its nodes. `labels` select its pods, `port` is the container port of the metrics."""

    name: str
    labels: Mapping[str, str]
    port: int

    def pod_monitor(self, *, interval_seconds: int) -> dict[str, Any]:
        """The `spec` of its PodMonitor. A series' `instance` is the node's name, which outlives the pod."""
        node = {
            "action": "replace",
            "sourceLabels": ["__meta_kubernetes_pod_node_name"],
            "targetLabel": "instance",
        }
        return _spec("app.kubernetes.io/name", self.labels, self.port, interval_seconds, [node])


Target = EngineTarget | RouterTarget | GatewayTarget | StoreTarget | NodeTarget
"""Pods to scrape."""


def _spec(
    job_label: str, selector: Mapping[str, str], port: int, interval_seconds: int, relabelings: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "jobLabel": job_label,
        "selector": {"matchLabels": dict(selector)},
        "podMetricsEndpoints": [
            {
                "portNumber": port,
                "path": "/metrics",
                "interval": f"{interval_seconds}s",
                # An engine that is busy with a long prefill answers late; Prometheus wants less than the interval.
                "scrapeTimeout": f"{min(interval_seconds, 10)}s",
                "relabelings": relabelings,
            }
        ],
    }


def _constant(label: str, value: str) -> dict[str, Any]:
    return {"action": "replace", "targetLabel": label, "replacement": value}


def _from_pod(suffix: str, label: str) -> dict[str, Any]:
    return {"action": "replace", "sourceLabels": [f"{_POD_LABEL}{suffix}"], "targetLabel": label}
