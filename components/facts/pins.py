"""Every version that the stack installs, pinned here and nowhere else, each with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart. `repository` is empty for a chart in an OCI registry, whose `reference` is then its whole address.

    `installs_crds`: the chart puts CustomResourceDefinitions in its `crds/` folder, which Helm installs once and never
    upgrades.
    """

    name: str
    version: str
    reference: str
    repository: str
    app_version: str
    source: str
    installs_crds: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A container image by exact tag; a digest is added per stack by `sglang-hyperpod pin`."""

    repository: str
    tag: str
    source: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


SGLANG_ROUTER = Image(
    "lmsysorg/sgl-model-gateway",
    "v0.3.2",
    "sgl-project/sglang docker/gateway.Dockerfile (the image of sglang-router 0.3.2)",
)
LITELLM = Image(
    "ghcr.io/berriai/litellm-non_root",
    "v1.108.7",
    "BerriAI/litellm release v1.108.7 (LTS): images ghcr.io/berriai/litellm and litellm-non_root, signed",
)
PYTHON = Image(
    "public.ecr.aws/docker/library/python",
    "3.13.9-slim-bookworm",
    "docker-library/official-images@01732a4 library/python; public.ecr.aws/docker/library mirrors the official images",
)
LWS = Chart(
    "lws",
    "0.10.0",
    "oci://registry.k8s.io/lws/charts/lws",
    "",
    "v0.10.0",
    "kubernetes-sigs/lws@v0.10.0 site/content/en/docs/installation/_index.md",
    installs_crds=True,
)
GPU_OPERATOR = Chart(
    "gpu-operator",
    "v26.7.0",
    "gpu-operator",
    "https://helm.ngc.nvidia.com/nvidia",
    "v26.7.0",
    "NVIDIA/gpu-operator tag v26.7.0 (2026-08-20)",
    installs_crds=True,
)
EFA_DEVICE_PLUGIN = Chart(
    "aws-efa-k8s-device-plugin",
    "v0.5.30",
    "aws-efa-k8s-device-plugin",
    "https://aws.github.io/eks-charts",
    "v0.5.20",
    "aws/eks-charts@5239609 stable/aws-efa-k8s-device-plugin: chart v0.5.30 carries image v0.5.20",
)
LOAD_BALANCER_CONTROLLER = Chart(
    "aws-load-balancer-controller",
    "3.5.0",
    "aws-load-balancer-controller",
    "https://aws.github.io/eks-charts",
    "v3.5.0",
    "aws/eks-charts@5239609 stable/aws-load-balancer-controller",
    installs_crds=True,
)
KEDA = Chart(
    "keda",
    "2.20.2",
    "keda",
    "https://kedacore.github.io/charts",
    "2.20.2",
    "kedacore/charts@1444d00",
)
KUBE_PROMETHEUS_STACK = Chart(
    "kube-prometheus-stack",
    "88.5.3",
    "oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack",
    "",
    "v0.93.1",
    "prometheus-community/helm-charts@cf408a2: Prometheus v3.14.0, Grafana 13.2.0",
    installs_crds=True,
)

FLUENT_BIT = Chart(
    "fluent-bit",
    "0.58.1",
    "fluent-bit",
    "https://fluent.github.io/helm-charts",
    "5.1.1",
    "fluent/helm-charts@5b81bf7 charts/fluent-bit",
)
LOKI = Chart(
    "loki",
    "18.11.0",
    "loki",
    "https://grafana-community.github.io/helm-charts",
    "3.7.6",
    "grafana-community/helm-charts@3386a11 charts/loki; the chart in grafana/helm-charts is deprecated",
)
TEMPO = Chart(
    "tempo",
    "2.2.4",
    "tempo",
    "https://grafana-community.github.io/helm-charts",
    "2.10.8",
    "grafana-community/helm-charts@3386a11 charts/tempo; the chart in grafana/helm-charts is deprecated",
)
OPENTELEMETRY_COLLECTOR = Chart(
    "opentelemetry-collector",
    "0.170.0",
    "opentelemetry-collector",
    "https://open-telemetry.github.io/opentelemetry-helm-charts",
    "0.158.0",
    "open-telemetry/opentelemetry-helm-charts@dd5665c charts/opentelemetry-collector",
)
COLLECTOR_IMAGE = Image(
    "otel/opentelemetry-collector-contrib",
    "0.158.0",
    "the chart's appVersion; contrib has tail sampling, span metrics and the X-Ray exporter, the core image has none",
)

XRAY_PLUGIN = "2.17.1"
"""Version of Grafana's plugin `grafana-x-ray-datasource` (grafana/x-ray-datasource@5e15e7e package.json, CHANGELOG.md);
its plugin.json asks for Grafana 10.4 or newer."""

CHARTS = (
    LWS,
    GPU_OPERATOR,
    EFA_DEVICE_PLUGIN,
    LOAD_BALANCER_CONTROLLER,
    KEDA,
    KUBE_PROMETHEUS_STACK,
    FLUENT_BIT,
    LOKI,
    TEMPO,
    OPENTELEMETRY_COLLECTOR,
)
"""Every chart that a registry serves; the HyperPod dependency chart comes from git (`components.aws.hyperpod`)."""
