"""Settings of what AWS runs of monitoring."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.aws.eks.models import AddonSettings
from components.settings import Settings

WorkspaceArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:aps:[a-z0-9-]+:\d{12}:workspace/ws-[0-9a-f-]{36}$")
]
"""The ARN of a workspace of Managed Prometheus."""

Level = Literal["BASIC", "ADVANCED", "DISABLED"]


class ManagedPrometheusSettings(Settings):
    """Amazon Managed Service for Prometheus: what Prometheus in the cluster scrapes is written there too, and outlives
    the cluster. Rules, autoscaling and dashboards go on asking the one in the cluster."""

    enabled: bool | None = None
    """Write to it. Without a value: with profile `aws`."""
    workspace_arn: WorkspaceArn | None = None
    """ARN of a workspace that is there already, in the stack's region; without it the stack makes one."""


class ManagedGrafanaSettings(Settings):
    """Amazon Managed Grafana, a Grafana outside the cluster that reads Managed Prometheus, CloudWatch and X-Ray. The
    stack's dashboards are only in the Grafana in the cluster: a managed workspace takes them by its API alone."""

    enabled: bool = False
    """Make a workspace. It needs IAM Identity Center in the organization, or a SAML provider."""
    authentication: list[Literal["AWS_SSO", "SAML"]] = Field(default=["AWS_SSO"], min_length=1, max_length=2)
    """How people log in."""


class ContainerInsightsSettings(AddonSettings):
    """CloudWatch Container Insights, by the add-on `amazon-cloudwatch-observability`: CPU, memory, disk and network of
    nodes and pods as CloudWatch metrics, which are charged for. It ships no logs: Fluent Bit of this stack does."""

    enabled: bool = False
    """Install it."""
    gpu_metrics: bool = False
    """Let its DCGM exporter sample the GPUs. Only one program on a node may: then the GPU operator's must be off."""


class HyperPodObservabilitySettings(AddonSettings):
    """HyperPod's own observability, by the add-on `amazon-sagemaker-hyperpod-observability`: its exporters write to
    Managed Prometheus. Each exporter has one owner: those that this stack runs are DISABLED here."""

    enabled: bool = False
    """Install it; on substrate `hyperpod` only, and with Managed Prometheus."""
    node_metrics: Level = "DISABLED"
    """CPU, memory and disks of nodes, by a node exporter of its own."""
    accelerated_compute_metrics: Level = "DISABLED"
    """GPUs, by a DCGM exporter of its own."""
    network_metrics: Literal["ADVANCED", "DISABLED"] = "ADVANCED"
    """EFA interfaces: counters of bytes, retransmits and errors. While it is on, this stack exports none itself
    (`efaExporter`). The add-on knows no `BASIC` of them (awsome-distributed-ai hyperpod-eks-tf/variables.tf)."""
    scaling_metrics: Level = "DISABLED"
    """What autoscaling does."""
    inference_metrics: Level = "DISABLED"
    """Models that the HyperPod inference operator serves; this stack's engines are scraped by Prometheus."""
    logs: bool = False
    """Whether it ships logs of its own to CloudWatch."""
    scrape_seconds: Annotated[int, Field(ge=15, le=300)] = 30
    """Seconds between two samples."""
