"""The ways of the traffic: between ranks over EFA, and from a Service or router to the leaders. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Severity
from components.serving.group.labels import leaders
from components.serving.names import service_name
from components.serving.router.objects import selector
from components.words import count
from infra.doctor.check import Symptom, check
from infra.doctor.expected import Expected
from infra.doctor.logs import CIRCUIT_OPEN, ENGINE, LIBFABRIC, NO_WORKER, OFI, ROUTER, TCP, UCX, line_with
from infra.doctor.observed import Cluster, LogKey
from infra.doctor.reading import LOGS

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan, ModelPlan

SLICES = "endpointslice.v1.discovery.k8s.io"


@check("transport.tcp", page="tcp-fallback.md", reads=("pod", LOGS))
def nccl_runs_over_tcp(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """NCCL runs over TCP though EFA was planned."""
    for model, group in expected.groups:
        # Within one node NCCL takes no network, though the KV cache may.
        for key, text in _starts(cluster, model, group) if group.nodes_per_group > 1 else ():
            if (line := line_with(TCP, text)) and not line_with(OFI, text):
                yield Symptom(
                    f"pod {key.namespace}/{key.pod}",
                    f"NCCL runs over TCP though EFA is planned ({count(group.efa_per_pod, 'interface')} a pod): {line}",
                    "use an image with the OFI NCCL plugin, and look at the pod's EFA interfaces",
                )
            elif not line and not line_with(OFI, text):
                yield Symptom(
                    f"pod {key.namespace}/{key.pod}",
                    "its log does not tell which network NCCL took",
                    "with `environment: {NCCL_DEBUG: INFO}` of the model it does",
                    severity=Severity.ADVICE,
                )


@check("transport.kv-cache", page="kv-cache-tcp.md", reads=("pod", LOGS))
def the_kv_cache_travels_over_tcp(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """NIXL took another backend than the one that reaches EFA."""
    for model, group in expected.groups:
        if group.transfer is None or group.transfer.phase.backend != "nixl":
            continue
        for key, text in _starts(cluster, model, group):
            if (line := line_with(UCX, text)) and not line_with(LIBFABRIC, text):
                yield Symptom(
                    f"pod {key.namespace}/{key.pod}",
                    f"the KV cache travels over TCP though {group.transfer.transport.name} was planned: {line}",
                    "use an image whose NIXL finds EFA's libfabric, and SGLang 0.5.13.post1 or newer",
                )


def _starts(cluster: Cluster, model: ModelPlan, group: GroupPlan) -> Iterator[tuple[LogKey, str]]:
    """The beginnings of the logs of a group's leaders."""
    names = {pod.name for pod in cluster.pods_of(model.namespace, leaders(group.members))}
    for key, text in cluster.logs.items():
        if key.from_start and key.container == ENGINE and key.namespace == model.namespace and key.pod in names:
            yield key, text


@check("service.endpoints", page="wrong-endpoints.md", reads=(SLICES, "pod"))
def a_service_reaches_others_than_ready_leaders(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """The Service of a model reaches pods that are no leaders, or misses leaders that are ready."""
    for model in expected.plan.models:
        services = {
            each.name for each in expected.objects if each.kind == "Service" and each.namespace == model.namespace
        }
        behind_them = {model.service: model.front, service_name(model.name): model.front}
        behind_them |= {service_name(group.name): group for group in model.groups}
        for name in sorted(services & behind_them.keys()):
            slices = [each for each in cluster.endpoints if (each.namespace, each.service) == (model.namespace, name)]
            behind = frozenset(pod for each in slices for pod in each.pods)
            found = cluster.pods_of(model.namespace, leaders(behind_them[name].members))
            ready = {pod.name for pod in found if pod.ready and not pod.deleted}
            others = behind - {pod.name for pod in found}
            if others:
                yield Symptom(
                    f"service {model.namespace}/{name}",
                    f"sends requests to {', '.join(sorted(others))}, which answer 404: they are no leaders",
                    "run `pulumi up`: the selector differs from the plan's",
                )
            if missed := ready - behind:
                yield Symptom(
                    f"service {model.namespace}/{name}",
                    f"does not reach {', '.join(sorted(missed))}, though ready",
                    "look at the Service's selector and at the endpoint controller",
                )
            if slices and not behind and not ready and not _asleep(model, behind_them[name], cluster):
                yield Symptom(
                    f"service {model.namespace}/{name}",
                    "has no endpoint: no leader is ready, and every request fails",
                    "see the findings about the groups",
                    page="group-not-ready.md",
                )


def _asleep(model: ModelPlan, group: GroupPlan, cluster: Cluster) -> bool:
    """Whether a model that may have no group is wanted by nobody."""
    sets = cluster.group_sets_of(model.namespace, group.name, group.members)
    return group.least_replicas == 0 and sets != [] and not any(each.wanted for each in sets)


@check("router.workers", page="router-warnings.md", reads=("pod", LOGS), severity=Severity.WARNING)
def a_router_has_taken_a_worker_out(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A router has opened a circuit or has no worker left, by its own log; a request that wakes a model finds none."""
    asleep = {
        pod.name
        for model in expected.plan.models
        if model.router and model.front.least_replicas == 0
        for pod in cluster.pods_of(model.router.namespace, selector(model.router.name))
    }
    for key, text in cluster.logs.items():
        if key.container != ROUTER or key.previous:
            continue
        if line := line_with(CIRCUIT_OPEN, text) or ("" if key.pod in asleep else line_with(NO_WORKER, text)):
            yield Symptom(f"router {key.namespace}/{key.pod}", line, "look at the leaders that it names")
