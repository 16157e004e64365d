"""Who does which job in a cluster: the matrix by which two owners of one job are found. Pure data.

A job is something of which a cluster (or a node) can have one only: an API service, a resource name that a device
plugin registers, a webhook's name, a host port, a GPU's profiling counters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Job(StrEnum):
    """What only one owner can do; the value is how messages call it."""

    GPU_DEVICES = "advertising nvidia.com/gpu"
    EFA_DEVICES = "advertising vpc.amazonaws.com/efa"
    EXTERNAL_METRICS = "the external metrics API (APIService v1beta1.external.metrics.k8s.io)"
    RESOURCE_METRICS = "the resource metrics API (APIService v1beta1.metrics.k8s.io)"
    LOAD_BALANCERS = "Ingresses of class alb and their webhooks"
    GPU_METRICS = "sampling the GPUs' profiling counters (DCGM)"
    NODE_METRICS = "the node exporter's host port 9100"
    EFA_METRICS = "the counters of the EFA interfaces (node_amazonefa_*)"
    CLUSTER_STATE = "the state of objects as metrics (kube-state-metrics)"
    GROUPS = "the LeaderWorkerSet webhooks"
    FSX_VOLUMES = "the CSI driver fsx.csi.aws.com"
    QUEUES = "the Kueue webhooks"


Software = Literal[
    "hyperpod-inference-operator",
    "hyperpod-inference-operator-chart",
    "hyperpod-observability",
    "hyperpod-task-governance",
    "hyperpod-device-plugins",
    "cloudwatch-observability",
    "eks-node-monitoring-agent",
    "prometheus-adapter",
    "datadog-cluster-agent",
    "nvidia-device-plugin",
    "nvidia-gpu-operator",
    "dcgm-exporter",
    "efa-device-plugin",
    "efa-dra-driver",
    "aws-load-balancer-controller",
    "keda",
    "kueue",
    "leader-worker-set",
    "metrics-server",
    "fsx-csi-driver",
    "node-exporter",
    "kube-state-metrics",
]
"""What may be in a cluster beside this stack. HyperPod's and CloudWatch's are EKS add-ons, except
`hyperpod-inference-operator-chart` and `hyperpod-device-plugins`, which the HyperPod Helm chart brings."""

JOBS: dict[Software, frozenset[Job]] = {
    "hyperpod-inference-operator": frozenset({Job.EXTERNAL_METRICS, Job.LOAD_BALANCERS}),
    "hyperpod-inference-operator-chart": frozenset(
        {Job.EXTERNAL_METRICS, Job.LOAD_BALANCERS, Job.RESOURCE_METRICS, Job.FSX_VOLUMES}
    ),
    "hyperpod-observability": frozenset({Job.GPU_METRICS, Job.NODE_METRICS}),
    "hyperpod-task-governance": frozenset({Job.QUEUES}),
    "hyperpod-device-plugins": frozenset({Job.GPU_DEVICES, Job.EFA_DEVICES}),
    "cloudwatch-observability": frozenset({Job.GPU_METRICS}),
    "eks-node-monitoring-agent": frozenset({Job.GPU_METRICS}),
    "prometheus-adapter": frozenset({Job.EXTERNAL_METRICS}),
    "datadog-cluster-agent": frozenset({Job.EXTERNAL_METRICS}),
    "nvidia-device-plugin": frozenset({Job.GPU_DEVICES}),
    "nvidia-gpu-operator": frozenset({Job.GPU_DEVICES, Job.GPU_METRICS}),
    "dcgm-exporter": frozenset({Job.GPU_METRICS}),
    "efa-device-plugin": frozenset({Job.EFA_DEVICES}),
    "efa-dra-driver": frozenset({Job.EFA_DEVICES}),
    "aws-load-balancer-controller": frozenset({Job.LOAD_BALANCERS}),
    "keda": frozenset({Job.EXTERNAL_METRICS}),
    "kueue": frozenset({Job.QUEUES}),
    "leader-worker-set": frozenset({Job.GROUPS}),
    "metrics-server": frozenset({Job.RESOURCE_METRICS}),
    "fsx-csi-driver": frozenset({Job.FSX_VOLUMES}),
    "node-exporter": frozenset({Job.NODE_METRICS}),
    "kube-state-metrics": frozenset({Job.CLUSTER_STATE}),
}
"""The jobs of each, as it comes by default.

Sources: EKS guide ml-eks-optimized-ami and device-management-efa; aws/sagemaker-hyperpod-cli@011ca92 Chart.yaml and
values.yaml; add-on configurations in awslabs/awsome-distributed-ai; rendered charts (external metrics APIService, DCGM
server of the node monitoring agent, DCGM exporter of cloudwatch-observability).
"""

HOW_TO_YIELD: dict[Software, str] = {
    "hyperpod-inference-operator": "configure the add-on with alb.enabled=false and keda.enabled=false",
    "hyperpod-device-plugins": "switch both device plugins of the HyperPod chart off",
    "hyperpod-observability": "set the add-on's nodeMetrics and acceleratedComputeMetrics to DISABLED",
    "cloudwatch-observability": 'configure the add-on with {"dcgmExporter": {"enabled": false}}',
}
"""How the other side gives the job up, where it has a switch for that; then take it off `alsoInstalled`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`owner` does `job`; `path` is where the user said so, `give_up` what makes it stop, if anything does."""

    job: Job
    owner: str
    path: str
    give_up: str | None


def declared_claims(also_installed: Iterable[Software]) -> list[Claim]:
    """The claims of what the user says is installed beside this stack."""
    return [
        Claim(job, software, f"platform.alsoInstalled[{index}]", HOW_TO_YIELD.get(software, f"remove {software}"))
        for index, software in enumerate(also_installed)
        for job in sorted(JOBS[software])
    ]


def contested(claims: Iterable[Claim]) -> list[tuple[Claim, Claim]]:
    """Pairs (first owner, another owner) of each job that has more than one owner, in the order of the claims."""
    by_job: dict[Job, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_job[claim.job].append(claim)
    return [(first, other) for first, *others in by_job.values() for other in others if other.owner != first.owner]
