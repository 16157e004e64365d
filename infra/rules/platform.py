"""Rules between the platform's rooms and the rest of the settings: one owner per job, what nodes and models need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.facts import pins
from components.facts.instances import ec2_name, find_instance
from components.monitoring.profile import efa_owner, hyperpod_counts_efa
from components.platform.owners import JOBS, Claim, Job, contested, declared_claims
from components.platform.registries import add_on_registry
from components.platform.versions import release_of
from components.rules import Finding, RuleSet, Severity
from components.serving.disaggregation.plan import transport_efa
from components.serving.group.disaggregated_set import SINCE
from infra.rules.serving import located

if TYPE_CHECKING:
    from components.monitoring.settings import MonitoringSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")

FIRST_FOR_P6_B200 = (0, 5, 10)


def own_claims(settings: StackSettings) -> Iterator[Claim]:
    """The jobs that this stack takes with these settings."""
    platform, monitoring = settings.platform, settings.monitoring
    yield Claim(Job.GROUPS, "this stack's LeaderWorkerSet controller", "platform.lws", None)
    yield Claim(Job.GPU_DEVICES, "this stack's GPU operator", "platform.gpuOperator", None)
    yield Claim(Job.RESOURCE_METRICS, "this stack's metrics-server add-on", "cluster.addons.metricsServer", None)
    if settings.file_system is not None:
        yield Claim(Job.FSX_VOLUMES, "this stack's FSx CSI driver", "fileSystem", None)
    optional = (
        (Job.GPU_METRICS, "DCGM exporter", "platform.gpuOperator.dcgmExporter", platform.gpu_operator.dcgm_exporter),
        (Job.EFA_DEVICES, "EFA device plugin", "platform.efa.enabled", platform.efa.enabled),
        (
            Job.LOAD_BALANCERS,
            "load balancer controller",
            "platform.loadBalancer.enabled",
            platform.load_balancer.enabled,
        ),
        (Job.EXTERNAL_METRICS, "KEDA", "platform.keda.enabled", platform.keda.enabled),
        (Job.NODE_METRICS, "node exporter", "monitoring.nodeExporter", monitoring.enabled and monitoring.node_exporter),
        (
            Job.CLUSTER_STATE,
            "kube-state-metrics",
            "monitoring.kubeStateMetrics",
            monitoring.enabled and monitoring.kube_state_metrics,
        ),
    )
    yield from _managed_claims(monitoring)
    for job, owner, switch, on in optional:
        if on:
            yield Claim(job, f"this stack's {owner}", switch, f"set {switch}: false")


def _managed_claims(monitoring: MonitoringSettings) -> Iterator[Claim]:
    """The exporters of AWS's own add-ons, where this stack switches them on."""
    insights, observability = monitoring.container_insights, monitoring.hyperpod_observability
    if insights.enabled and insights.gpu_metrics:
        switch = "monitoring.containerInsights.gpuMetrics"
        yield Claim(Job.GPU_METRICS, "this stack's Container Insights", switch, f"set {switch}: false")
    for job, field, level in (
        (Job.NODE_METRICS, "nodeMetrics", observability.node_metrics),
        (Job.GPU_METRICS, "acceleratedComputeMetrics", observability.accelerated_compute_metrics),
        (Job.EFA_METRICS, "networkMetrics", observability.network_metrics),
    ):
        if observability.enabled and level != "DISABLED":
            switch = f"monitoring.hyperpodObservability.{field}"
            yield Claim(job, "this stack's HyperPod observability", switch, f"set {switch}: DISABLED")
    exporters = {"stack": "this stack's own exporter", "other": "an exporter of somebody else's"}
    if owner := exporters.get(efa_owner(monitoring)):
        switch = "monitoring.efaExporter.owner"
        yield Claim(Job.EFA_METRICS, owner, switch, f"set {switch}: hyperpod")


@rules.rule("platform.one-owner", source="components/platform/owners.py: who owns which API, port, webhook or device")
def each_job_has_one_owner(settings: StackSettings) -> Iterator[Finding]:
    """Each job in the cluster has one owner, this stack or something else."""
    claims = [*own_claims(settings), *declared_claims(settings.platform.also_installed)]
    for first, other in contested(claims):
        choices = [choice for choice in (first.give_up, other.give_up) if choice]
        yield Finding(other.path, f"{other.owner} and {first.owner} both own {first.job}", ", or ".join(choices))


@rules.rule("efa-exporter.owner-is-off", source="hyperpodObservability.networkMetrics: the add-on's EFA counters")
def the_owner_of_efa_counters_counts(settings: StackSettings) -> Iterator[Finding]:
    """Where HyperPod's add-on is said to export EFA counters it does, and nowhere else."""
    owner, counts = settings.monitoring.efa_exporter.owner, hyperpod_counts_efa(settings.monitoring)
    path = "monitoring.efaExporter.owner"
    if owner == "hyperpod" and not counts and "hyperpod-observability" not in settings.platform.also_installed:
        yield Finding(
            path,
            "HyperPod's observability add-on is off, or its network metrics are: nobody counts",
            "set hyperpodObservability.enabled: true and networkMetrics: ADVANCED, or owner: stack",
        )
    if owner == "none" and counts:
        yield Finding(
            path,
            "HyperPod's observability add-on exports them: its networkMetrics are ADVANCED",
            "set hyperpodObservability.networkMetrics: DISABLED, or owner: hyperpod",
        )


@rules.rule("gpu-operator.toolkit-on-eks", source="EKS guide ml-eks-optimized-ami: disable driver and toolkit")
def toolkit_is_the_images_on_eks(settings: StackSettings) -> Iterator[Finding]:
    """On EKS the container toolkit comes with the node image, not with the GPU operator."""
    if settings.cluster.substrate == "eks" and settings.platform.gpu_operator.toolkit is True:
        yield Finding(
            "platform.gpuOperator.toolkit",
            "the AL2023 NVIDIA image of EKS nodes has the toolkit; a second one rewrites containerd's configuration",
            "leave toolkit out, or set it to false",
        )


@rules.rule(
    "gpu-operator.toolkit-on-hyperpod",
    source="aws/sagemaker-hyperpod-cli@011ca92 charts/gpu-operator/values.yaml leaves toolkit.enabled at true",
    severity=Severity.WARNING,
)
def toolkit_is_the_operators_on_hyperpod(settings: StackSettings) -> Iterator[Finding]:
    """On HyperPod the GPU operator installs the container toolkit, as in AWS's own values."""
    if settings.cluster.substrate == "hyperpod" and settings.platform.gpu_operator.toolkit is False:
        yield Finding(
            "platform.gpuOperator.toolkit",
            "AWS runs the GPU operator on HyperPod with its toolkit; without it the validator may wait for ever",
            "leave toolkit out, or set it to true",
        )


@rules.rule("efa.p6-b200-image", source="aws/sagemaker-hyperpod-cli PR 282: images before v0.5.10 count ibp* devices")
def p6_b200_counts_its_devices(settings: StackSettings) -> Iterator[Finding]:
    """On p6-b200 the EFA plugin's image is v0.5.10 or newer, which counts EFA devices only."""
    efa = settings.platform.efa
    if not efa.enabled or release_of(efa.image_tag) >= FIRST_FOR_P6_B200:
        return
    for pool in settings.node_pools:
        if ec2_name(pool.instance_type).startswith("p6-b200."):
            yield Finding(
                "platform.efa.imageTag",
                f"image {efa.image_tag} takes NVLink devices of node pool {pool.name} ({pool.instance_type}) for EFA",
                "use v0.5.10 or newer with its chart",
            )


@rules.rule("efa.off-with-groups", source="aws/eks-charts: the plugin offers vpc.amazonaws.com/efa")
def groups_over_nodes_have_efa(settings: StackSettings) -> Iterator[Finding]:
    """Where a model spans nodes that have EFA, something advertises EFA."""
    platform = settings.platform
    if platform.efa.enabled or any(Job.EFA_DEVICES in JOBS[software] for software in platform.also_installed):
        return
    for _, role in located(settings):
        nodes = role.settings.nodes_per_group
        for pool in settings.node_pools:
            machine = find_instance(pool.instance_type)
            if pool.name != role.node_pool or not machine or not machine.efa_interfaces:
                continue
            if nodes > 1 or transport_efa(role.model):
                why = f"spans {nodes} {pool.instance_type} nodes" if nodes > 1 else "hands its KV cache over by EFA"
                yield Finding(
                    "platform.efa.enabled",
                    f"model {role.group} {why}, and nothing gives its pods their EFA interfaces",
                    "set platform.efa.enabled: true, or name the owner in platform.alsoInstalled",
                )


@rules.rule(
    "efa.registry-region",
    source="https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html",
    severity=Severity.ADVICE,
)
def plugin_image_is_near(settings: StackSettings) -> Iterator[Finding]:
    """The EFA plugin's image comes from the stack's own region."""
    efa = settings.platform.efa
    if efa.enabled and efa.image_repository is None and add_on_registry(settings.region) is None:
        yield Finding(
            "platform.efa.imageRepository",
            f"no registry of EKS images is known for {settings.region}, so nodes would depend on us-west-2",
            "set imageRepository to a copy in the region",
        )


@rules.rule("lws.disaggregated-set", source="kubernetes-sigs/lws#922: role scalers came with v0.10.0")
def the_controller_knows_the_set(settings: StackSettings) -> Iterator[Finding]:
    """Older controllers call a set's LeaderWorkerSets otherwise, scale no role, or know no such kind."""
    version = settings.platform.lws.chart_version
    sets = [model.name for model in settings.models if model.disaggregation and model.disaggregation.in_set]
    if sets and release_of(version) < release_of(SINCE):
        yield Finding(
            "platform.lws.chartVersion",
            f"{', '.join(sets)} of kind DisaggregatedSet needs LeaderWorkerSet {SINCE}, not {version}",
            f"use {pins.LWS.version}, or disaggregation.kind: LeaderWorkerSet",
        )


@rules.rule("load-balancer.entry-without-controller", source="kubernetes: an Ingress without its controller is inert")
def entries_have_a_controller(settings: StackSettings) -> Iterator[Finding]:
    """Where a model or the gateway has an entry, something owns Ingresses."""
    platform = settings.platform
    if platform.load_balancer.enabled or any(Job.LOAD_BALANCERS in JOBS[name] for name in platform.also_installed):
        return
    entries = [(f"models[{index}]", f"model {model.name}", model.entry) for index, model in enumerate(settings.models)]
    if settings.gateway:
        entries.append(("gateway", "the gateway", settings.gateway.entry))
    for at, name, entry in entries:
        if entry is not None:
            yield Finding(
                f"{at}.entry",
                f"nothing would make a load balancer for {name}: the controller is off",
                "set platform.loadBalancer.enabled: true, or name the owner in platform.alsoInstalled",
            )


@rules.rule(
    "load-balancer.firewall-in-closed-network",
    source="aws-load-balancer-controller: enableShield and enableWafv2 call APIs that a closed network lacks",
)
def controller_asks_only_what_it_reaches(settings: StackSettings) -> Iterator[Finding]:
    """In a network without a way out the load balancer controller does not ask WAF and Shield."""
    controller, network = settings.platform.load_balancer, settings.network
    if controller.enabled and controller.firewall and network.existing is None and network.nat == "none":
        yield Finding(
            "platform.loadBalancer.firewall",
            "the controller would ask WAF and Shield, out of reach with nat: none, and finish no Ingress",
            "set platform.loadBalancer.firewall: false",
        )


@rules.rule(
    "keda.nothing-to-ask",
    source="the scalers of this program ask Prometheus",
    severity=Severity.ADVICE,
)
def scalers_have_prometheus(settings: StackSettings) -> Iterator[Finding]:
    """Where KEDA runs, there is a Prometheus to ask."""
    if settings.platform.keda.enabled and not settings.monitoring.enabled:
        yield Finding(
            "platform.keda.enabled",
            "KEDA would scale by Prometheus queries, and monitoring is off",
            "set monitoring.enabled: true, or platform.keda.enabled: false",
        )


@rules.rule(
    "monitoring.no-gpu-metrics",
    source="NVIDIA/dcgm-exporter etc/default-counters.csv",
    severity=Severity.ADVICE,
)
def gpus_are_measured(settings: StackSettings) -> Iterator[Finding]:
    """Where monitoring runs, something measures the GPUs."""
    platform = settings.platform
    if not settings.monitoring.enabled or platform.gpu_operator.dcgm_exporter:
        return
    if not any(Job.GPU_METRICS in JOBS[software] for software in platform.also_installed):
        yield Finding(
            "platform.gpuOperator.dcgmExporter",
            "no one measures the GPUs, so the dashboard's GPU panels stay empty and XID errors unseen",
            "set platform.gpuOperator.dcgmExporter: true",
        )


@rules.rule("monitoring.unknown-secret", source="pulumi config: a secret that is not in the stack file has no value")
def grafana_password_is_there(settings: StackSettings) -> Iterator[Finding]:
    """The secret that holds Grafana's password is in the stack file."""
    name = settings.monitoring.grafana.admin_password_secret
    if settings.monitoring.enabled and name is not None and name not in settings.secrets:
        yield Finding(
            "monitoring.grafana.adminPasswordSecret",
            f"the stack has no secret {name}",
            f"pulumi config set --secret {name}",
        )
