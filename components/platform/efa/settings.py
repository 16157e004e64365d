"""Settings of the EFA device plugin, and the rules about which chart and image work."""

from __future__ import annotations

from collections.abc import Iterator

from components.facts import pins
from components.platform.efa.releases import CHART_IMAGES, first_chart_with
from components.platform.versions import ChartVersion, ImageTag, release_of
from components.rules import Finding, RuleSet, Severity
from components.settings import Quantity, Settings

rules = RuleSet("platform.efa")

LAST_CRASHING = (0, 5, 6)
FIRST_VERIFIED = (0, 5, 13)


class EfaSettings(Settings):
    """The device plugin that gives pods EFA interfaces. Chart and image carry different numbers: both are named."""

    enabled: bool = True
    """Install the plugin where a node pool has EFA. Without it no pod can ask for `vpc.amazonaws.com/efa`, and NCCL
    falls back to TCP without a word."""
    chart_version: ChartVersion = pins.EFA_DEVICE_PLUGIN.version
    """Version of the Helm chart `aws-efa-k8s-device-plugin` in `aws.github.io/eks-charts`."""
    image_tag: ImageTag = pins.EFA_DEVICE_PLUGIN.app_version
    """Tag of the image that the chart runs. Chart v0.5.20 carries image v0.5.13: the numbers are not the same."""
    image_repository: str | None = None
    """Image repository without a tag; by default the one that Amazon keeps in the stack's own region
    (https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html)."""
    cpu_request: Quantity = "10m"
    """CPU that each plugin pod asks for; the chart's own figure."""
    memory_request: Quantity = "20Mi"
    """Memory that each plugin pod asks for; the chart's own figure."""


@rules.rule(
    "efa.crashing-image", source="a user's report, not confirmed upstream: v0.5.6 crashes in efa_gpu_topology_init"
)
def image_does_not_crash(efa: EfaSettings) -> Iterator[Finding]:
    """The EFA plugin's image is newer than v0.5.6, which crashes."""
    if efa.enabled and release_of(efa.image_tag) <= LAST_CRASHING:
        yield Finding(
            "imageTag",
            f"EFA device plugin image {efa.image_tag} crashes on g6 nodes (every image up to v0.5.6 is suspect)",
            f"use {pins.EFA_DEVICE_PLUGIN.app_version} with chart {pins.EFA_DEVICE_PLUGIN.version}",
        )


@rules.rule(
    "efa.unverified-image",
    source="a user's report: v0.5.6 crashes, v0.5.13 does not; nobody says which image between them mends it",
    severity=Severity.WARNING,
)
def image_is_verified(efa: EfaSettings) -> Iterator[Finding]:
    """The EFA plugin's image is v0.5.13 or newer, the first one verified after the crash."""
    if efa.enabled and LAST_CRASHING < release_of(efa.image_tag) < FIRST_VERIFIED:
        yield Finding(
            "imageTag",
            f"whether image {efa.image_tag} still has the crash of v0.5.6 is unknown",
            f"use v0.5.13 or newer, e.g. {pins.EFA_DEVICE_PLUGIN.app_version}",
        )


@rules.rule("efa.chart-image-pair", source="aws/eks-charts, history of stable/aws-efa-k8s-device-plugin")
def chart_and_image_belong_together(efa: EfaSettings) -> Iterator[Finding]:
    """The EFA plugin's image is the one that its chart was released with."""
    carried = CHART_IMAGES.get(release_of(efa.chart_version))
    if efa.enabled and carried and release_of(efa.image_tag) != release_of(carried):
        chart = first_chart_with(efa.image_tag)
        other = f", or chartVersion: {chart} for image {efa.image_tag}" if chart else ""
        yield Finding(
            "imageTag",
            f"chart {efa.chart_version} was released with image {carried}, not {efa.image_tag}",
            f"set imageTag: {carried}{other}",
        )


@rules.rule(
    "efa.unknown-chart",
    source="aws/eks-charts, history of stable/aws-efa-k8s-device-plugin up to v0.5.30",
    severity=Severity.WARNING,
)
def chart_is_known(efa: EfaSettings) -> Iterator[Finding]:
    """The EFA plugin's chart is one whose image is known."""
    if efa.enabled and release_of(efa.chart_version) not in CHART_IMAGES:
        yield Finding(
            "chartVersion",
            f"which image chart {efa.chart_version} was released with is not known here",
            f"compare its appVersion with imageTag {efa.image_tag}, or use chart {pins.EFA_DEVICE_PLUGIN.version}",
        )
