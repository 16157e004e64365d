"""Settings of the NVIDIA GPU operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.facts import pins
from components.platform.versions import ChartVersion, release_of
from components.rules import Finding, RuleSet, Severity
from components.settings import Quantity, Settings

rules = RuleSet("platform.gpuOperator")


class GpuOperatorSettings(Settings):
    """What advertises GPUs (`nvidia.com/gpu`) and measures them; the driver comes with the node image."""

    chart_version: ChartVersion = pins.GPU_OPERATOR.version
    """Version of the Helm chart `gpu-operator` in NVIDIA's NGC repository."""
    toolkit: bool | None = None
    """Install the container toolkit. By default off on EKS, whose AL2023 NVIDIA image brings it, and on on HyperPod,
    as AWS's own HyperPod values have it."""
    dcgm_exporter: bool = True
    """Run the DCGM exporter on GPU nodes. Only one program on a node may sample the profiling counters."""
    dcgm_interval_seconds: Annotated[int, Field(ge=5, le=300)] = 15
    """Seconds between two scrapes of the DCGM exporter; the exporter itself samples every 30 s."""
    memory_limit: Quantity = "1Gi"
    """Memory limit of the operator pod. The chart's 350Mi is reached when it lists the pods of a large cluster."""


@rules.rule(
    "gpu-operator.plugin-validation",
    source="NVIDIA/aicr@bc05c6b: charts before v26.7.0 need validator.plugin.env or the ClusterPolicy is rejected",
    severity=Severity.WARNING,
)
def chart_is_the_rendered_one(gpu: GpuOperatorSettings) -> Iterator[Finding]:
    """The GPU operator's chart is at least the release whose values were checked."""
    if release_of(gpu.chart_version) < release_of(pins.GPU_OPERATOR.version):
        yield Finding(
            "chartVersion",
            f"the values set here were checked with chart {pins.GPU_OPERATOR.version}, not {gpu.chart_version}",
            f"use {pins.GPU_OPERATOR.version} or newer",
        )
