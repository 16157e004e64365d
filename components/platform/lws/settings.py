"""Settings of the LeaderWorkerSet controller, and the rules about its versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.facts import pins
from components.platform.versions import ChartVersion, ImageTag, release_of
from components.rules import Finding, RuleSet, Severity
from components.settings import Quantity, Settings

rules = RuleSet("platform.lws")


class LwsSettings(Settings):
    """The controller that makes several pods one engine. Every change of an engine's pods goes through its webhooks."""

    chart_version: ChartVersion = pins.LWS.version
    """Version of the Helm chart in `registry.k8s.io/lws/charts`, without `v`."""
    image_tag: ImageTag = pins.LWS.app_version
    """Tag of the controller's image, named because the chart's own default is `main`, and because a chart has been
    published with an older image (kubernetes-sigs/lws#602)."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 2
    """Controller pods; one leads. Its webhooks fail closed: while none answers, no engine pod can be created."""
    cpu_request: Quantity = "500m"
    """CPU that each controller pod asks for; the chart asks for a whole CPU, made for thousands of groups."""
    memory_request: Quantity = "512Mi"
    """Memory that each controller pod asks for."""
    memory_limit: Quantity = "1Gi"
    """Memory limit of each controller pod."""


@rules.rule("lws.too-old", source="kubernetes-sigs/lws: LWS_WORKER_INDEX is injected since v0.6.0")
def workers_know_their_rank(lws: LwsSettings) -> Iterator[Finding]:
    """LeaderWorkerSet is new enough to tell each pod its rank."""
    if release_of(lws.chart_version) < (0, 6, 0):
        yield Finding(
            "chartVersion",
            f"LeaderWorkerSet {lws.chart_version} does not inject LWS_WORKER_INDEX, so no pod would know its rank",
            f"use {pins.LWS.version}; nothing before 0.6.0 works",
        )


@rules.rule(
    "lws.crd-boundary",
    source="kubernetes-sigs/lws#880: charts up to 0.7 hold the CRDs as templates, later ones in crds/",
)
def crds_survive_the_chart(lws: LwsSettings) -> Iterator[Finding]:
    """LeaderWorkerSet's chart keeps its CRDs out of the release."""
    if (0, 6, 0) <= release_of(lws.chart_version) < (0, 8, 0):
        yield Finding(
            "chartVersion",
            f"an upgrade of chart {lws.chart_version} to 0.8 or newer deletes the CRD and every engine with it",
            f"start with 0.8.0 or newer, best {pins.LWS.version}",
        )


@rules.rule(
    "lws.not-the-checked-release",
    source="the program's LeaderWorkerSets are checked against the CRD of v0.10.0",
    severity=Severity.WARNING,
)
def release_is_the_checked_one(lws: LwsSettings) -> Iterator[Finding]:
    """LeaderWorkerSet is v0.10.0 or newer."""
    if (0, 8, 0) <= release_of(lws.chart_version) < (0, 10, 0):
        yield Finding(
            "chartVersion",
            f"engines are checked against the CRD of LeaderWorkerSet {pins.LWS.version}, not {lws.chart_version}",
            f"use {pins.LWS.version}",
        )


@rules.rule("lws.chart-image-pair", source="kubernetes-sigs/lws#602: a chart was published with an outdated image")
def image_is_the_charts(lws: LwsSettings) -> Iterator[Finding]:
    """LeaderWorkerSet's chart and image are of one release."""
    if release_of(lws.chart_version) != release_of(lws.image_tag):
        yield Finding(
            "imageTag",
            f"image {lws.image_tag} runs with the CRDs and rights of chart {lws.chart_version}",
            f"set imageTag: v{lws.chart_version.removeprefix('v')}",
        )


@rules.rule(
    "lws.single-replica",
    source="kubernetes-sigs/lws: pod and LeaderWorkerSet webhooks have failurePolicy Fail",
    severity=Severity.WARNING,
)
def webhooks_outlive_a_node(lws: LwsSettings) -> Iterator[Finding]:
    """LeaderWorkerSet has two controllers, so that a lost node does not stop the recreation of engines."""
    if lws.replicas == 1:
        yield Finding(
            "replicas",
            "while the only controller is being rescheduled no engine pod can be created: its webhooks fail closed",
            "set replicas: 2",
        )
