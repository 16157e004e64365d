"""GPUs, the network between them, and the nodes."""

from __future__ import annotations

from typing import Final

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Feature, Severity
from components.monitoring.alerts.settings import CHECKLIST

FAULTS: Final = (48, 62, 63, 64, 74, 94, 95, 119, 120)
"""XID errors of the hardware or its firmware: double-bit ECC, halted microcontroller, row remapping, NVLink, contained
and uncontained ECC, GSP (docs.nvidia.com/deploy/xid-errors). 13, 31, 43 and 45 are mostly the program's."""

_LOST: Final = 79
"""The GPU has fallen off the bus."""


def _node(expression: str) -> str:
    """DCGM's series with the label `node`, as everything else calls it."""
    return f'label_replace({expression}, "node", "$1", "Hostname", "(.+)")'


def _of_model(expression: str) -> str:
    """DCGM's series with the label `model` of the pod that holds the GPU."""
    pods = f'label_replace({expression}, "pod", "$1", "exported_pod", "(.+)")'
    return f"{pods} * on (pod) group_left (model) sglang_hyperpod:pod_info"


_UTILISATION: Final = 'DCGM_FI_DEV_GPU_UTIL{exported_namespace=~"<engines>"}'
_XID: Final = " or ".join(f"DCGM_FI_DEV_XID_ERRORS == {code}" for code in FAULTS)
_GPU: Final = ("node", "gpu")

_GPUS: Final = (
    Alert(
        name="GpuXidError",
        family=Family.GPU,
        severity=Severity.CRITICAL,
        exporters=(Exporter.DCGM,),
        metrics=("DCGM_FI_DEV_XID_ERRORS",),
        labels=_GPU,
        expression=f"max by (node, gpu) ({_node(f'({_XID})')})",
        minutes=0,
        summary="GPU {{ $labels.gpu }} of {{ $labels.node }} reports XID {{ $value }}",
        description="A fault of the GPU itself: its group hangs or fails, and starting the group again does not help.",
        dashboard="sglang-fabric-gpu",
        source="docs.nvidia.com/deploy/xid-errors; DCGM_FI_DEV_XID_ERRORS holds the last one",
    ),
    Alert(
        name="GpuMemoryErrors",
        family=Family.GPU,
        severity=Severity.WARNING,
        exporters=(Exporter.DCGM,),
        metrics=("DCGM_FI_DEV_ROW_REMAP_FAILURE", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"),
        labels=_GPU,
        expression=f"max by (node, gpu) ({_node('DCGM_FI_DEV_ROW_REMAP_FAILURE')}) > 0"
        f" or max by (node, gpu) ({_node('delta(DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS[1h])')}) > 0",
        minutes=0,
        summary="GPU {{ $labels.gpu }} of {{ $labels.node }} has uncorrectable ECC errors",
        description="Rows of its memory were replaced after uncorrectable errors, or could not be replaced any more.",
        dashboard="sglang-fabric-gpu",
        source="docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt: row remapping",
    ),
    Alert(
        name="GpuLost",
        family=Family.GPU,
        severity=Severity.CRITICAL,
        exporters=(Exporter.DCGM, Exporter.KUBE_STATE),
        metrics=("DCGM_FI_DEV_XID_ERRORS", "kube_node_status_capacity", "kube_node_status_allocatable"),
        labels=("node",),
        expression=f"max by (node) ({_node(f'DCGM_FI_DEV_XID_ERRORS == {_LOST}')})"
        ' or max by (node) (kube_node_status_capacity{resource="nvidia_com_gpu"})'
        ' - max by (node) (kube_node_status_allocatable{resource="nvidia_com_gpu"}) > 0',
        minutes=1,
        summary="{{ $labels.node }} has lost a GPU",
        description="A GPU fell off the bus (XID 79), or the device plugin took it out as unhealthy.",
        dashboard="sglang-fabric-gpu",
        source="docs.nvidia.com/deploy/xid-errors; kubernetes: an unhealthy device is not allocatable",
    ),
    Alert(
        name="GpusIdle",
        family=Family.GPU,
        severity=Severity.INFO,
        exporters=(Exporter.DCGM, Exporter.PLAN),
        metrics=("DCGM_FI_DEV_GPU_UTIL", "sglang_hyperpod:pod_info"),
        labels=("model",),
        expression=f"avg by (model) ({_of_model(f'avg_over_time({_UTILISATION}[1h])')}) < <gpuIdlePercent>",
        minutes=60,
        summary="The GPUs of {{ $labels.model }} did next to nothing for two hours ({{ $value | humanize }} %)",
        description="They are paid for by the hour.",
        dashboard="sglang-capacity",
        source="no guide has a threshold",
    ),
    Alert(
        name="GpuUtilisationLow",
        family=Family.GPU,
        severity=Severity.INFO,
        exporters=(Exporter.DCGM, Exporter.PLAN, Exporter.ENGINE),
        metrics=("DCGM_FI_DEV_GPU_UTIL", "sglang_hyperpod:pod_info", "sglang:num_queue_reqs"),
        labels=("model",),
        expression=f"avg by (model) ({_of_model(f'avg_over_time({_UTILISATION}[15m])')}) < <gpuUtilisationPercent>"
        " and on (model) sum by (model) (sglang:num_queue_reqs) > 0",
        minutes=15,
        summary="The GPUs of {{ $labels.model }} are {{ $value | humanize }} % busy while requests wait",
        description="Something other than the GPUs holds the model back.",
        dashboard="sglang-fabric-gpu",
        source=CHECKLIST,
    ),
    Alert(
        name="GpuMemoryNearlyFull",
        family=Family.GPU,
        severity=Severity.WARNING,
        exporters=(Exporter.DCGM,),
        metrics=("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"),
        labels=_GPU,
        expression="max by (node, gpu) ("
        + _node("DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)")
        + ") > <gpuMemoryRatio>",
        minutes=10,
        summary="GPU {{ $labels.gpu }} of {{ $labels.node }} uses {{ $value | humanizePercentage }} of its memory",
        description="The next large prefill may end in CUDA out of memory, which takes the whole group down.",
        dashboard="sglang-fabric-gpu",
        source="the production guide's table of resources, raised: see monitoring.alerts.thresholds.gpuMemoryRatio",
    ),
)

_EFA_ERRORS: Final = (
    "node_amazonefa_rx_drops",
    "node_amazonefa_rdma_read_wr_err",
    "node_amazonefa_rdma_write_wr_err",
    "node_amazonefa_retrans_timeout_events",
    "node_amazonefa_unresponsive_remote_events",
)
"""Older drivers lack the last two, so each is asked for by itself."""

_FABRIC: Final = (
    Alert(
        name="EfaErrors",
        family=Family.FABRIC,
        severity=Severity.WARNING,
        exporters=(Exporter.EFA,),
        metrics=_EFA_ERRORS,
        labels=("instance",),
        expression=" or ".join(f"sum by (instance) (increase({name}[10m])) > <efaErrors>" for name in _EFA_ERRORS),
        minutes=0,
        summary="{{ $labels.instance }} counted {{ $value | humanize }} EFA errors within ten minutes",
        description="Work requests fail, packets are dropped, or the other side does not answer.",
        dashboard="sglang-fabric-gpu",
        source="docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-working-monitor.html: hw_counters of the driver",
        features=frozenset({Feature.EFA}),
    ),
    Alert(
        name="TrafficOnTcp",
        family=Family.FABRIC,
        severity=Severity.CRITICAL,
        exporters=(Exporter.KUBELET, Exporter.PLAN, Exporter.ENGINE),
        metrics=(
            "container_network_transmit_bytes_total",
            "sglang_hyperpod:pod_info",
            "sglang:generation_tokens_total",
        ),
        labels=("model", "pod"),
        # While weights are read, pods that stream them have traffic of their own; then no token is generated.
        expression="max by (model, pod)"
        ' (rate(container_network_transmit_bytes_total{namespace=~"<engines>",interface="eth0"}[5m])'
        ' * on (namespace, pod) group_left (model) sglang_hyperpod:pod_info{fabric="efa"})'
        " > <tcpMegabytesPerSecond> * 1e6"
        " and on (model) sum by (model) (rate(sglang:generation_tokens_total[5m])) > 0",
        minutes=10,
        summary="{{ $labels.pod }} of {{ $labels.model }} sends {{ $value | humanize1024 }}B/s over TCP, not EFA",
        description="NCCL or the KV transfer fell back to TCP without an error: the model serves, many times slower.",
        dashboard="sglang-fabric-gpu",
        source="awslabs/awsome-distributed-ai: NCCL falls back to sockets in silence when it finds no EFA",
        features=frozenset({Feature.EFA}),
    ),
)

_NOT_READY: Final = 'kube_node_status_condition{condition="Ready",status="true"} == 0'

_NODES: Final = (
    Alert(
        name="NodeLost",
        family=Family.NODES,
        severity=Severity.CRITICAL,
        exporters=(Exporter.KUBE_STATE, Exporter.PLAN),
        metrics=("kube_node_status_condition", "kube_pod_info", "sglang_hyperpod:pod_info"),
        labels=("node", "model"),
        # One alert per model that has pods on the node, or had within the hour: it silences what follows.
        expression='max by (node, model) (last_over_time(kube_pod_info{namespace=~"<engines>",node!=""}[1h])'
        " * on (namespace, pod) group_left (model) last_over_time(sglang_hyperpod:pod_info[1h])"
        f" and on (node) {_NOT_READY}) or on (node) max by (node) ({_NOT_READY})",
        minutes=1,
        summary="Node {{ $labels.node }} is not ready{{ with $labels.model }}, which serves {{ . }}{{ end }}",
        description="Its groups are made anew elsewhere if there is a spare node, and wait if there is none.",
        dashboard="sglang-capacity",
        source="kubernetes: the node condition Ready",
    ),
    Alert(
        name="NodeUnschedulable",
        family=Family.NODES,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE,),
        metrics=("kube_node_spec_unschedulable",),
        labels=("node",),
        expression="max by (node) (kube_node_spec_unschedulable) == 1",
        minutes=30,
        summary="Node {{ $labels.node }} takes no new pods",
        description="Somebody cordoned it, or a drain was not finished; it is paid for all the same.",
        dashboard="sglang-capacity",
        source="kubernetes: spec.unschedulable",
    ),
    Alert(
        name="NodeBeingReplaced",
        family=Family.NODES,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE,),
        metrics=("kube_node_labels",),
        labels=("node", "status"),
        expression="max by (node, status) (label_replace(kube_node_labels"
        '{label_sagemaker_amazonaws_com_node_health_status=~"Unschedulable.*"},'
        ' "status", "$1", "label_sagemaker_amazonaws_com_node_health_status", "(.+)"))',
        minutes=5,
        summary="HyperPod is taking {{ $labels.node }} out of service: {{ $labels.status }}",
        description="HyperPod found the node unhealthy and reboots or replaces it, which takes 20 to 30 minutes.",
        dashboard="sglang-capacity",
        source="docs.aws.amazon.com/sagemaker/latest/dg: node labels of HyperPod on EKS",
        features=frozenset({Feature.HYPERPOD}),
    ),
)

ALERTS: Final = (*_GPUS, *_FABRIC, *_NODES)
"""GPUs, fabric and nodes."""
