"""What the managed services are told. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from components.aws.identity.policies import Statement, allow
from components.monitoring.managed.settings import HyperPodObservabilitySettings
from components.monitoring.traces.plan import XRAY_READS

OBSERVABILITY_ADDON: Final = "amazon-sagemaker-hyperpod-observability"
OBSERVABILITY_NAMESPACE: Final = "hyperpod-observability"
OBSERVABILITY_ACCOUNT: Final = "hyperpod-observability-operator-otel-collector"
CONTAINER_INSIGHTS_ADDON: Final = "amazon-cloudwatch-observability"
CONTAINER_INSIGHTS_NAMESPACE: Final = "amazon-cloudwatch"
CONTAINER_INSIGHTS_ACCOUNT: Final = "cloudwatch-agent"

OBSERVABILITY_REGIONS: Final = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-south-1", "ap-northeast-1", "sa-east-1"),
        *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4"),
        *("eu-central-1", "eu-west-1", "eu-west-2", "eu-north-1", "eu-south-2"),
    }
)
"""Regions in which HyperPod's observability finds Managed Prometheus (awslabs/awsome-distributed-ai
hyperpod-eks-tf/main.tf)."""


def workspace_endpoint(arn: str) -> str:
    """Base URL of a workspace of Managed Prometheus, with a slash at its end as the API gives it."""
    region, workspace = arn.split(":")[3], arn.rpartition("/")[2]
    return f"https://aps-workspaces.{region}.amazonaws.com/workspaces/{workspace}/"


def container_insights(gpu_metrics: bool) -> dict[str, Any]:
    """Configuration of the add-on: no second log shipper, and a DCGM exporter only where it is the only one."""
    return {
        "containerLogs": {"enabled": False},
        "dcgmExporter": {"enabled": gpu_metrics},
        "neuronMonitor": {"enabled": False},
    }


def observability(settings: HyperPodObservabilitySettings, *, endpoint: str, arn: str) -> dict[str, Any]:
    """Configuration of the add-on; its endpoint has no slash at the end."""
    levels = {
        "trainingMetrics": "DISABLED",
        "inferenceMetrics": settings.inference_metrics,
        "taskGovernanceMetrics": "DISABLED",
        "scalingMetrics": settings.scaling_metrics,
        "customMetrics": "DISABLED",
        "nodeMetrics": settings.node_metrics,
        "acceleratedComputeMetrics": settings.accelerated_compute_metrics,
        "networkMetrics": settings.network_metrics,
    }
    return {
        "ampWorkspace": {"prometheusEndpoint": endpoint.rstrip("/"), "arn": arn},
        "metricsProvider": {
            name: {"level": level, **({} if level == "DISABLED" else {"scrapeInterval": settings.scrape_seconds})}
            for name, level in levels.items()
        },
        "logging": {"enabled": settings.logs},
    }


def write_statements(workspace_arn: Any) -> list[Statement]:
    """What whoever writes samples may do with the workspace."""
    return [allow(["aps:RemoteWrite"], [workspace_arn], sid="WriteSamples")]


def read_statements(workspace_arn: Any, *, traces: bool) -> Sequence[Statement]:
    """What Managed Grafana may read: the workspace where there is one, CloudWatch, and X-Ray with `traces`."""
    statements = []
    if workspace_arn is not None:
        actions = [
            "aps:QueryMetrics",
            "aps:GetLabels",
            "aps:GetSeries",
            "aps:GetMetricMetadata",
            "aps:DescribeWorkspace",
        ]
        statements += [
            allow(actions, [workspace_arn], sid="ReadSamples"),
            allow(["aps:ListWorkspaces"], ["*"], sid="FindWorkspaces"),
        ]
    statements.append(allow(["cloudwatch:ListMetrics", "cloudwatch:GetMetricData"], ["*"], sid="ReadMetrics"))
    if traces:
        statements.append(allow(XRAY_READS, ["*"], sid="ReadTraces"))
    return statements
