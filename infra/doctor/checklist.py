"""The sources' checklists: what a program can check is checked, the rest is listed with how a person does it. Pure.

`pre` needs the plan alone, `post` and `perf` an examination of the cluster. The items are those of
hyperpod-eks-sglang-guide.md (appendix C) and sglang-production-guide.md (section 7, deployment checklist).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from components.serving.names import NAMESPACE
from components.words import count
from infra.doctor.answer import Answer, State
from infra.doctor.check import Examination
from infra.doctor.expected import Expected
from infra.doctor.performance import figures

if TYPE_CHECKING:
    from infra.doctor.metrics import Metrics
    from infra.plan import Plan


class Phase(StrEnum):
    """Which checklist: before `pulumi up`, after it, or under load."""

    PRE = "pre"
    POST = "post"
    PERF = "perf"


def before(expected: Expected) -> list[Answer]:
    """The checklist before a deployment, from settings and plan alone; settings with errors do not get here."""
    return [question(expected.plan) for question in _BEFORE]


def after(expected: Expected, examination: Examination) -> list[Answer]:
    """The checklist after a deployment."""
    return list(_after(expected, examination))


def under_load(expected: Expected, examination: Examination, metrics: Metrics | None) -> list[Answer]:
    """The performance checklist: what only a running load shows is asked of Prometheus, where there is one."""
    plan = expected.plan
    models = {model.name: model.engine_version for model in plan.models}
    return [*figures(models, plan.settings.monitoring.alerts.thresholds, metrics), *_under_load(examination)]


def _holds(item: str, detail: str = "") -> Answer:
    return Answer(item, State.HOLDS, detail)


def _by_hand(item: str, detail: str) -> Answer:
    return Answer(item, State.BY_HAND, detail)


def _is(item: str, holds: bool, so: str, else_: str) -> Answer:
    return Answer(item, State.HOLDS if holds else State.FAILS, so if holds else else_)


def _cluster(plan: Plan) -> Answer:
    cluster = plan.settings.cluster
    return _holds(
        "HyperPod or EKS cluster",
        f"the stack makes {cluster.name}, Kubernetes {cluster.kubernetes_version}, {cluster.substrate}",
    )


def _lws(plan: Plan) -> Answer:
    return _holds(
        "LeaderWorkerSet", f"the stack installs chart {plan.settings.platform.lws.chart_version} and its CRDs"
    )


def _gpu_operator(plan: Plan) -> Answer:
    return _holds("GPU operator", f"the stack installs chart {plan.settings.platform.gpu_operator.chart_version}")


def _efa(plan: Plan) -> Answer:
    wanted = [pool.name for pool in plan.pools if pool.efa_per_node]
    on = plan.settings.platform.efa.enabled
    return _is(
        "EFA device plugin, where instance types have EFA",
        on or not wanted,
        f"for {', '.join(wanted)}" if wanted else "no pool has EFA",
        f"pools {', '.join(wanted)} have EFA: set platform.efa.enabled: true",
    )


def _storage(plan: Plan) -> Answer:
    system = plan.file_system
    mounted = [model.name for model in plan.models if model.weights.mounted]
    return _is(
        "Shared storage of the weights",
        system is not None or not mounted,
        f"FSx for Lustre, {system.capacity_gib} GiB" if system else "the weights come from S3 or the hub",
        f"{', '.join(mounted)} read a file system: add `fileSystem`",
    )


def _token(plan: Plan) -> Answer:
    gated = [model for model in plan.models if model.facts.gated]
    without = [
        model.name for model in gated if model.settings.weights.token_secret is None and model.weights.prefetched
    ]
    return _is(
        "Hugging Face token of gated models",
        not without,
        f"given for {', '.join(model.name for model in gated)}" if gated else "no model is gated",
        f"{', '.join(without)}: set weights.tokenSecret and `pulumi config set --secret` it",
    )


def _network(plan: Plan) -> Answer:
    zones = count(len(plan.network.zones), "zone")
    place = f"VPC {plan.network.vpc_id}" if plan.network.vpc_id else f"a new VPC {plan.network.vpc_cidr}"
    return _holds("Network: VPC, subnets, security groups", f"{place}, {zones}; addresses fit the nodes")


def _rights(plan: Plan) -> Answer:
    return _by_hand(
        "IAM: rights of the deploying role", "docs/before-you-deploy.md; the stack makes the roles of its pods"
    )


def _quotas(plan: Plan) -> Answer:
    return _by_hand(
        "Service quotas and capacity",
        f"{count(len(plan.quotas), 'quota')}: `sglang-hyperpod preview` lists each with its look-up command",
    )


def _monitoring(plan: Plan) -> Answer:
    monitoring = plan.settings.monitoring
    return _is(
        "Prometheus and Grafana",
        monitoring.enabled and monitoring.grafana.enabled,
        f"metrics are kept for {count(monitoring.retention_days, 'day')}",
        "set monitoring.enabled and monitoring.grafana.enabled: true",
    )


def _memory(plan: Plan) -> Answer:
    fits = [f"{model.name} --mem-fraction-static {model.sizing.mem_fraction_static:.3f}" for model in plan.models]
    return _holds("GPU memory of weights, KV cache and activations", f"sized: {', '.join(fits)}")


def _watchdog(plan: Plan) -> Answer:
    without = [
        group.name for model in plan.models for group in model.groups if "--watchdog-timeout" not in group.arguments
    ]
    return _is(
        "Fault plans: watchdog, probes, restart of the whole group",
        not without,
        "every group has --watchdog-timeout and recreates itself as a whole",
        f"{', '.join(without)} without --watchdog-timeout",
    )


def _image(plan: Plan) -> Answer:
    unpinned = [model.name for model in plan.models if model.image.digest is None]
    return (
        _by_hand(
            "Image digests",
            f"{', '.join(unpinned)} by tag alone: `sglang-hyperpod pin --stack S` where there is a network",
        )
        if unpinned
        else _holds("Image digests", "every engine image has one")
    )


def _rollout(plan: Plan) -> Answer:
    return _by_hand("Canary, alerts' receivers, client time-outs", "agree with the clients: docs/before-you-deploy.md")


_BEFORE: tuple[Callable[[Plan], Answer], ...] = (
    _cluster,
    _lws,
    _gpu_operator,
    _efa,
    _storage,
    _token,
    _network,
    _rights,
    _quotas,
    _monitoring,
    _memory,
    _watchdog,
    _image,
    _rollout,
)


def _after(expected: Expected, examination: Examination) -> Iterator[Answer]:
    workload = (
        "groups.pending",
        "groups.ready",
        "groups.refused",
        "pods.pending",
        "pods.image",
        "pods.config",
        "pods.crash",
    )
    yield _checked("Every pod runs", examination, *workload)
    yield _checked(
        "Leaders have loaded their model and /health answers 200 (their readiness)", examination, "groups.ready"
    )
    yield _checked("The Service reaches exactly the ready leaders", examination, "service.endpoints")
    for model in expected.plan.models:
        yield _by_hand(
            f"A test request to {model.name}",
            f"kubectl port-forward -n {model.router.namespace if model.router else model.namespace} "
            f"service/{model.service} 30000:30000, then curl -s localhost:30000/v1/models",
        )
    yield _checked("Every node offers its GPUs", examination, "devices.gpu", "nodes.faults")
    yield _checked(
        "Operators, device plugins and monitoring are up", examination, "platform.workloads", "platform.releases"
    )
    yield _by_hand("Prometheus scrapes every rank", f'up{{namespace="{NAMESPACE}"}} == 0 has no result')
    yield _by_hand(
        "GPUs are used", "kubectl exec -n inference POD -- nvidia-smi, or DCGM_FI_DEV_GPU_UTIL in Prometheus"
    )
    if any(group.efa_per_pod for _, group in expected.groups):
        yield _checked("Ranks talk over EFA", examination, "devices.efa", "transport.tcp", exact="transport.tcp")
    yield _checked("Volumes are bound and mounted", examination, "platform.claims", "pods.mount")
    yield _checked("Live objects are as planned", examination, "objects.missing", "objects.differ", "objects.kinds")


def _under_load(examination: Examination) -> Iterator[Answer]:
    yield _checked("Memory is stable, nothing was killed for it", examination, "pods.crash", "pods.restarts")
    yield _checked("Groups stay as they are", examination, "groups.recreated", "nodes.health", "nodes.faults")
    yield _checked("Routers keep their workers", examination, "router.workers")
    yield _by_hand("A baseline to compare with", "python -m sglang.bench_serving, before and after each change")


def _checked(item: str, examination: Examination, *checks: str, exact: str = "") -> Answer:
    """What the checks of an item said; `exact` names one whose advice means that it saw nothing."""
    from components.rules import Severity

    found = [one for one in examination.diagnoses if one.check in checks]
    faults = [one for one in found if one.severity is not Severity.ADVICE]
    if faults:
        return Answer(item, State.FAILS, f"{faults[0].about}: {faults[0].message}")
    blind = [check for check in checks if check in examination.blind]
    if blind:
        return _by_hand(item, f"not looked at: {examination.blind[blind[0]]}")
    unseen = [one for one in found if one.check == exact]
    if unseen:
        return _by_hand(item, f"{unseen[0].about}: {unseen[0].message}; {unseen[0].fix}")
    return _holds(item, "; ".join(f"{one.about}: {one.message}" for one in found))
