"""Rules between the HyperPod section and the rest; they hold on substrate `hyperpod` only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.aws.hyperpod.chart import AGENT_REGIONS
from components.aws.nodes.settings import CapacityKind
from components.rules import Finding, RuleSet

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


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
