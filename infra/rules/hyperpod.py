"""Rules between the HyperPod section and the rest; they hold on substrate `hyperpod` only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.aws.hyperpod.chart import AGENT_REGIONS
from components.aws.nodes.settings import CapacityKind
from components.rules import Finding, RuleSet

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")

CLUSTER_NAME: Final = re.compile(r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")
"""CloudFormation schema of AWS::SageMaker::Cluster: ClusterName."""


@rules.rule("hyperpod.name", source="CloudFormation schema of AWS::SageMaker::Cluster: ClusterName")
def cluster_can_be_named_after_eks(settings: StackSettings) -> Iterator[Finding]:
    """HyperPod takes fewer names than EKS."""
    name = settings.cluster.name
    hyperpod = settings.cluster.substrate == "hyperpod"
    if hyperpod and settings.hyperpod.name is None and not CLUSTER_NAME.match(name):
        yield Finding(
            "hyperpod.name",
            f"the HyperPod cluster is named after the EKS cluster, and {name} is no name for it",
            "set hyperpod.name: letters, digits and single hyphens between them, at most 63",
        )


@rules.rule("hyperpod.agent-region", source="aws/sagemaker-hyperpod-cli@011ca92 health-monitoring-agent _helpers.tpl")
def region_has_the_health_agent(settings: StackSettings) -> Iterator[Finding]:
    """Outside the agent's regions the chart would take the image of us-east-1 without a word."""
    if settings.cluster.substrate == "hyperpod" and settings.region not in AGENT_REGIONS:
        yield Finding(
            "region",
            f"HyperPod's health monitoring agent has no image in {settings.region}",
            f"one of {', '.join(sorted(AGENT_REGIONS))}",
        )


@rules.rule("hyperpod.spot", source="docs.aws.amazon.com/sagemaker: Spot instances in Amazon SageMaker HyperPod")
def spot_is_provisioned_continuously(settings: StackSettings) -> Iterator[Finding]:
    """Spot groups need continuous provisioning."""
    if settings.cluster.substrate != "hyperpod" or settings.hyperpod.provisioning_mode == "Continuous":
        return
    for at, pool in enumerate(settings.node_pools):
        if pool.capacity.kind is CapacityKind.SPOT:
            yield Finding(
                f"nodePools[{at}].capacity.kind",
                f"spot needs continuous provisioning, and hyperpod.provisioningMode is "
                f"{settings.hyperpod.provisioning_mode}",
                "set hyperpod.provisioningMode: Continuous",
            )
