"""Who exports which series with which labels, as far as the alerts ask for it. Pure data.

Series of the engine are in `components.facts.engines`, per release. A monitor that does not honour labels renames what
the exporter calls `namespace`, `pod` or `model`: hence `exported_pod` of DCGM.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Exporter(StrEnum):
    """What Prometheus scrapes; the value is how messages call it."""

    ENGINE = "the SGLang engine"
    ROUTER = "the SGLang router"
    DCGM = "the DCGM exporter"
    KUBE_STATE = "kube-state-metrics"
    KUBELET = "the kubelet and its cAdvisor"
    PROMETHEUS = "Prometheus itself"
    EFA = "an EFA exporter"
    CLOUDWATCH = "a CloudWatch exporter"
    PLAN = "the plan"


TARGET_LABELS: Final = ("namespace", "pod", "container", "endpoint", "instance", "job")
"""Labels that the Prometheus operator puts on every series of a PodMonitor or ServiceMonitor (some add `service`)."""

ENGINE_LABELS: Final = ("model", "role", "engine_version", "lws", "group", "rank")
"""Labels that the engines' PodMonitors add (`components.monitoring.monitors`)."""

ROUTER_LABELS: Final = ("model", "role")
"""Labels that the routers' PodMonitors add."""

_POD = ("namespace", "pod", "uid")
_DCGM = ("gpu", "UUID", "device", "modelName", "Hostname", "exported_namespace", "exported_pod", "exported_container")
_EFA = ("device", "port")
_HPA = ("namespace", "horizontalpodautoscaler")

SERIES: Final[Mapping[Exporter, Mapping[str, tuple[str, ...]]]] = {
    # sglang-router 0.3.2, as its metrics port shows them (tests/contract reads them from the real router).
    Exporter.ROUTER: {
        "smg_worker_health": ("worker",),
        "smg_worker_cb_state": ("worker",),
        "smg_http_requests_total": ("method", "path"),
        "smg_http_responses_total": ("status_code", "error_code"),
    },
    # etc/dcp-metrics-included.csv of NVIDIA/dcgm-exporter@d5e5f51.
    Exporter.DCGM: {
        "DCGM_FI_DEV_GPU_UTIL": _DCGM,
        "DCGM_FI_DEV_FB_USED": _DCGM,
        "DCGM_FI_DEV_FB_FREE": _DCGM,
        "DCGM_FI_DEV_XID_ERRORS": _DCGM,
        "DCGM_FI_DEV_ROW_REMAP_FAILURE": _DCGM,
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": _DCGM,
    },
    # docs/metrics of kubernetes/kube-state-metrics@c92fe0c; `label_...` by `--metric-labels-allowlist`.
    Exporter.KUBE_STATE: {
        "kube_pod_info": (*_POD, "node", "created_by_kind", "created_by_name"),
        "kube_pod_labels": (
            *_POD,
            "label_leaderworkerset_sigs_k8s_io_name",
            "label_leaderworkerset_sigs_k8s_io_group_index",
            "label_leaderworkerset_sigs_k8s_io_worker_index",
            "label_disaggregatedset_x_k8s_io_name",
            "label_disaggregatedset_x_k8s_io_role",
        ),
        "kube_pod_created": _POD,
        "kube_pod_status_ready": (*_POD, "condition"),
        "kube_pod_status_unschedulable": _POD,
        "kube_pod_container_status_waiting_reason": (*_POD, "container", "reason"),
        "kube_statefulset_replicas": ("namespace", "statefulset"),
        "kube_job_failed": ("namespace", "job_name", "condition"),
        "kube_node_status_condition": ("node", "condition", "status"),
        "kube_node_spec_unschedulable": ("node",),
        "kube_node_labels": ("node", "label_sagemaker_amazonaws_com_node_health_status"),
        "kube_node_status_capacity": ("node", "resource", "unit"),
        "kube_node_status_allocatable": ("node", "resource", "unit"),
        "kube_horizontalpodautoscaler_spec_max_replicas": _HPA,
        "kube_horizontalpodautoscaler_spec_min_replicas": _HPA,
        "kube_horizontalpodautoscaler_status_current_replicas": _HPA,
        "kube_horizontalpodautoscaler_status_condition": (*_HPA, "condition", "status"),
    },
    # kubernetes@v1.34.9 pkg/kubelet/metrics/metrics.go and pkg/kubelet/certificate/kubelet.go; google/cadvisor
    # metrics/prometheus.go. The operator's endpoint of a kubelet carries the node's name.
    Exporter.KUBELET: {
        "kubelet_volume_stats_available_bytes": ("namespace", "persistentvolumeclaim", "node"),
        "kubelet_volume_stats_capacity_bytes": ("namespace", "persistentvolumeclaim", "node"),
        "kubelet_certificate_manager_server_ttl_seconds": ("node",),
        "container_network_transmit_bytes_total": ("namespace", "pod", "interface", "node"),
    },
    # awslabs/awsome-distributed-ai 4.validation_and_observability/3.efa-node-exporter.
    Exporter.EFA: {
        "node_amazonefa_rx_drops": _EFA,
        "node_amazonefa_rdma_read_wr_err": _EFA,
        "node_amazonefa_rdma_write_wr_err": _EFA,
        "node_amazonefa_retrans_timeout_events": _EFA,
        "node_amazonefa_unresponsive_remote_events": _EFA,
    },
    # prometheus-community/yet-another-cloudwatch-exporter: aws_<namespace>_<metric>_<statistic>.
    Exporter.CLOUDWATCH: {
        "aws_certificatemanager_days_to_expiry_minimum": ("name", "region", "account_id", "dimension_CertificateArn"),
    },
    Exporter.PROMETHEUS: {"up": (*ENGINE_LABELS, "service")},
    # Recorded by this stack's own rules from what only the plan knows (`plan.py`).
    Exporter.PLAN: {
        "sglang_hyperpod:group_info": ("model", "lws", "role", "pool", "engine_version", "fabric"),
        "sglang_hyperpod:pod_info": ("namespace", "pod", "model", "lws", "group", "rank", "fabric"),
        "sglang_hyperpod:planned_start_seconds": ("model", "lws"),
        "sglang_hyperpod:startup_allowance_seconds": ("model",),
        "sglang_hyperpod:asleep": ("model",),
        "sglang_hyperpod:store_info": ("model",),
        "sglang_hyperpod:engine_cve_info": ("model", "engine_version", "cve", "score", "fixed_in"),
        "sglang_hyperpod:capacity_ends_timestamp_seconds": ("pool", "kind"),
        **{
            f"sglang_hyperpod:objective_misses:ratio_rate{window}": ("model", "objective")
            for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
        },
    },
}
"""Series by exporter, each with its own labels beside `TARGET_LABELS`."""

POD_LABELS_ALLOWED: Final = (
    "leaderworkerset.sigs.k8s.io/name",
    "leaderworkerset.sigs.k8s.io/group-index",
    "leaderworkerset.sigs.k8s.io/worker-index",
    "disaggregatedset.x-k8s.io/name",
    "disaggregatedset.x-k8s.io/role",
)
"""Labels of pods that kube-state-metrics must show, so that a pod can be told to belong to a model."""

NODE_LABELS_ALLOWED: Final = ("sagemaker.amazonaws.com/node-health-status",)
"""Labels of nodes that it must show: HyperPod writes there that a node is about to be replaced."""
