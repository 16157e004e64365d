"""Rules between monitoring's logs and traces and the rest of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.monitoring.managed.plan import OBSERVABILITY_REGIONS
from components.monitoring.profile import is_traced, remote_write, trace_destination
from components.rules import Finding, RuleSet, Severity
from components.serving.engine.image import resolve_image
from components.serving.tracing import PACKAGES_SINCE, carries_packages

if TYPE_CHECKING:
    from components.serving.engine.image import ImagePlan
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule(
    "logs.off-in-production",
    source="kubernetes.io/docs/concepts/cluster-administration/logging: a deleted pod's logs are deleted with it",
    severity=Severity.ADVICE,
)
def production_keeps_its_logs(settings: StackSettings) -> Iterator[Finding]:
    """A protected stack keeps the workload's logs."""
    if settings.protect and not settings.monitoring.logs.enabled:
        yield Finding(
            "monitoring.logs.enabled",
            "the stack is protected, and what an engine wrote before it died is gone with its pod",
            "set monitoring.logs.enabled: true",
        )


@rules.rule("traces.models", source="monitoring.traces.models names models of this stack")
def traced_models_exist(settings: StackSettings) -> Iterator[Finding]:
    """The models to trace are models of the stack."""
    known = {model.name for model in settings.models}
    for index, name in enumerate(settings.monitoring.traces.models or ()):
        if name not in known:
            yield Finding(
                f"monitoring.traces.models[{index}]",
                f"there is no model {name}",
                f"name one of {', '.join(sorted(known))}",
            )


@rules.rule("traces.packages", source="components/serving/tracing.py: what SGLang's images install")
def images_can_trace(settings: StackSettings) -> Iterator[Finding]:
    """The images of traced models have the packages that send spans."""
    for here, image in _traced_images(settings):
        if carries_packages(image, here.engine.version) is False:
            yield Finding(
                f"models[{settings.models.index(here)}].engine.version",
                f"{image.reference} has no OpenTelemetry, so the engine of {here.name} sends no span",
                f"use {PACKAGES_SINCE} or newer, an image with sglang[tracing], or leave {here.name} out of "
                "monitoring.traces.models",
            )


@rules.rule(
    "traces.unknown-image",
    source="sglang METADATA: OpenTelemetry comes with the extra tracing only",
    severity=Severity.ADVICE,
)
def own_images_must_bring_the_packages(settings: StackSettings) -> Iterator[Finding]:
    """Nobody knows whether an image of one's own can send spans."""
    for here, image in _traced_images(settings):
        if carries_packages(image, here.engine.version) is None:
            yield Finding(
                f"models[{settings.models.index(here)}].engine.image",
                f"it is not known whether {image.reference} can send spans",
                "see that it installs sglang[tracing]",
            )


@rules.rule(
    "traces.xray-out-of-reach", source="docs.aws.amazon.com/vpc/latest/privatelink: X-Ray has an interface endpoint"
)
def xray_is_in_reach(settings: StackSettings) -> Iterator[Finding]:
    """In a network without a way out X-Ray has an endpoint."""
    network = settings.network
    closed = network.existing is None and network.nat == "none"
    if closed and trace_destination(settings.monitoring) == "xray" and "xray" not in network.endpoint_services:
        yield Finding(
            "monitoring.traces.destination",
            "the network has no way out, and no endpoint for xray",
            "name xray and the other services in network.interfaceEndpoints, or set destination: tempo",
        )


@rules.rule(
    "traces.xray-plugin-out-of-reach",
    source="grafana-community/helm-charts charts/grafana/templates/_pod.tpl: GF_PLUGINS_PREINSTALL_SYNC",
)
def xrays_plugin_is_in_reach(settings: StackSettings) -> Iterator[Finding]:
    """Grafana reaches grafana.com, where it fetches the plugin for X-Ray."""
    network, monitoring = settings.network, settings.monitoring
    closed = network.existing is None and network.nat == "none"
    wanted = monitoring.enabled and monitoring.grafana.enabled and monitoring.grafana.xray_plugin_version is not None
    if closed and wanted and trace_destination(monitoring) == "xray":
        yield Finding(
            "monitoring.grafana.xrayPluginVersion",
            f"the network has no way out to grafana.com, where plugin {monitoring.grafana.xray_plugin_version} is",
            "set xrayPluginVersion: null and look at traces in CloudWatch, or set destination: tempo",
        )


@rules.rule(
    "managed.observability-substrate", source="the add-on's exporters are for nodes of HyperPod (AWS HyperPod guide)"
)
def hyperpods_observability_is_for_hyperpod(settings: StackSettings) -> Iterator[Finding]:
    """HyperPod's observability is installed on HyperPod, where it has Managed Prometheus."""
    if not settings.monitoring.hyperpod_observability.enabled:
        return
    path = "monitoring.hyperpodObservability.enabled"
    if settings.cluster.substrate != "hyperpod":
        yield Finding(
            path, f"the nodes are of substrate {settings.cluster.substrate}", "set enabled: false, or use hyperpod"
        )
    elif settings.region not in OBSERVABILITY_REGIONS:
        yield Finding(path, f"the add-on is not offered in {settings.region}", "set enabled: false")


@rules.rule("managed.workspace-region", source="Prometheus signs its requests for the stack's region")
def workspaces_are_in_the_region(settings: StackSettings) -> Iterator[Finding]:
    """A workspace that is there already is in the stack's region."""
    arn = settings.monitoring.managed_prometheus.workspace_arn
    if arn is not None and arn.split(":")[3] != settings.region:
        yield Finding(
            "monitoring.managedPrometheus.workspaceArn",
            f"the workspace is in {arn.split(':')[3]}, the stack in {settings.region}",
            "name a workspace of the stack's region, or none",
        )


@rules.rule(
    "managed.out-of-reach", source="docs.aws.amazon.com/prometheus: interface endpoint aps-workspaces of the VPC"
)
def managed_prometheus_is_in_reach(settings: StackSettings) -> Iterator[Finding]:
    """In a network without a way out Managed Prometheus has an endpoint."""
    network = settings.network
    closed = network.existing is None and network.nat == "none"
    if closed and remote_write(settings.monitoring) and "aps-workspaces" not in network.endpoint_services:
        yield Finding(
            "monitoring.managedPrometheus.enabled",
            "the network has no way out, and no endpoint for aps-workspaces",
            "name aps-workspaces and the other services in network.interfaceEndpoints, or set enabled: false",
        )


def _traced_images(settings: StackSettings) -> Iterator[tuple[ModelSettings, ImagePlan]]:
    for model in settings.models:
        image = resolve_image(model.engine)
        if image is not None and is_traced(settings.monitoring, model.name):
            yield model, image
