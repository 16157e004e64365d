"""Settings of KEDA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.facts import pins
from components.platform.versions import ChartVersion, release_of
from components.rules import Finding, RuleSet, Severity
from components.settings import Quantity, Settings

rules = RuleSet("platform.keda")


class KedaSettings(Settings):
    """The autoscaler of LeaderWorkerSets. It owns the external metrics API, of which a cluster has one."""

    enabled: bool = True
    """Install KEDA."""
    chart_version: ChartVersion = pins.KEDA.version
    """Version of the Helm chart in `kedacore.github.io/charts`; chart and images have the same number."""
    replicas: Annotated[int, Field(ge=1, le=3)] = 2
    """Pods of the operator and of the metrics API server each; the operators elect a leader. While no metrics server
    answers nothing scales."""
    memory_limit: Quantity = "1Gi"
    """Memory limit of the operator and of the metrics server: 400Mi is reached when they list a large cluster again."""


@rules.rule(
    "keda.untested-release",
    source="kedacore/keda v2.20.2: ScaledObjects are checked against its CRD, and were run on a real control plane",
    severity=Severity.WARNING,
)
def release_is_the_checked_one(keda: KedaSettings) -> Iterator[Finding]:
    """KEDA is at least the release whose CRDs the program is checked against."""
    if keda.enabled and release_of(keda.chart_version) < release_of(pins.KEDA.version):
        yield Finding(
            "chartVersion",
            f"scalers are checked against the CRDs of KEDA {pins.KEDA.version}, not {keda.chart_version}",
            f"use {pins.KEDA.version} or newer",
        )
