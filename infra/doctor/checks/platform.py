"""What the workload stands on: charts and their pods, APIs, certificates, volumes, budgets. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.rules import Severity
from components.words import count
from infra.doctor.check import Symptom, check
from infra.doctor.expected import Expected
from infra.doctor.observed import Cluster
from infra.doctor.reading import RELEASES

WORKLOADS: Final = ("deployment.v1.apps", "daemonset.v1.apps", "statefulset.v1.apps")
WEBHOOKS: Final = (
    "validatingwebhookconfiguration.v1.admissionregistration.k8s.io",
    "mutatingwebhookconfiguration.v1.admissionregistration.k8s.io",
)
DAYS_BEFORE_END: Final = 14

_PAGES: Final = (
    ("efa", "efa-plugin-crash.md"),
    ("nvidia", "gpu-plugin.md"),
    ("gpu-operator", "gpu-plugin.md"),
    ("prometheus", "monitoring-down.md"),
    ("grafana", "monitoring-down.md"),
    ("alertmanager", "monitoring-down.md"),
)
"""Pages of workloads by a part of their name."""


@check("platform.workloads", page="operator-down.md", reads=WORKLOADS)
def a_workload_of_the_platform_is_not_ready(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """An operator, device plugin, router or part of the monitoring has fewer ready pods than it wants."""
    own = {group.name for _, group in expected.groups}
    # Those that a DisaggregatedSet made have names of its own.
    own |= {
        each.name
        for model, group in expected.groups
        for each in cluster.group_sets_of(model.namespace, group.name, group.members)
    }
    for each in cluster.workloads:
        if each.namespace not in expected.namespaces or each.ready >= each.wanted:
            continue
        if each.kind == "StatefulSet" and any(each.name == name or each.name.startswith(f"{name}-") for name in own):
            continue
        page = next((page for part, page in _PAGES if part in f"{each.namespace}/{each.name}"), "")
        yield Symptom(
            f"{each.kind} {each.namespace}/{each.name}",
            f"{each.ready} of {count(each.wanted, 'pod')} ready",
            f"kubectl describe {each.kind.lower()} -n {each.namespace} {each.name}",
            page="router-warnings.md" if each.namespace in _router_namespaces(expected) else page,
            severity=Severity.ERROR if each.ready == 0 else Severity.WARNING,
        )


def _router_namespaces(expected: Expected) -> set[str]:
    return {model.router.namespace for model in expected.plan.models if model.router}


@check("platform.releases", page="failed-up.md", reads=(RELEASES,))
def a_chart_is_not_deployed(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A Helm release of the plan is absent, failed, or held by an operation that never ended."""
    live = {(each.namespace, each.name): each for each in cluster.releases}
    for planned in expected.releases:
        found = live.get((planned.namespace, planned.name))
        about = f"release {planned.namespace}/{planned.name}"
        if found is None:
            yield Symptom(about, "is not there", "run `pulumi up`; a failed one is finished by the next")
        elif found.status.startswith("pending"):
            yield Symptom(
                about,
                f"revision {found.revision} is {found.status}: an operation on it never ended",
                f"helm rollback -n {planned.namespace} {planned.name}, then `pulumi up`",
                page="locked-state.md#helm",
            )
        elif found.status != "deployed":
            yield Symptom(about, f"revision {found.revision} is {found.status}", "run `pulumi up`")


@check("platform.apis", page="operator-down.md", reads=("apiservice.v1.apiregistration.k8s.io",))
def an_api_is_not_available(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """An API that something in the cluster serves is not available; deleting a namespace then hangs as well."""
    for each in cluster.api_services:
        if each.unavailable:
            yield Symptom(f"APIService {each.name}", each.unavailable, "bring its pods back", severity=Severity.WARNING)


@check("platform.certificates", page="certificates.md", reads=WEBHOOKS)
def a_certificate_ends(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A webhook's authority, or a certificate of cert-manager, has ended or ends soon."""
    for each in cluster.certificates:
        days = -cluster.minutes_since(each.ends) / 1440
        if days < DAYS_BEFORE_END:
            ended = days < 0
            yield Symptom(
                each.holder,
                f"its certificate {'ended' if ended else 'ends'} on {each.ends:%Y-%m-%d}",
                "restart the controller that renews it, then see that the date changed",
                severity=Severity.ERROR if ended else Severity.WARNING,
            )


@check("platform.claims", page="volume-mount.md", reads=("persistentvolumeclaim",))
def a_claim_is_not_bound(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A persistent volume claim is not bound."""
    for each in cluster.claims:
        if each.namespace in expected.namespaces and each.phase != "Bound":
            yield Symptom(
                f"claim {each.namespace}/{each.name}",
                f"is {each.phase or 'without a phase'}",
                f"kubectl describe pvc -n {each.namespace} {each.name}",
            )


@check("platform.budgets", page="drain-blocked.md", reads=("poddisruptionbudget.v1.policy", "node", "pod"))
def a_drain_is_held_up(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A disruption budget holds up the drain of a cordoned node."""
    cordoned = {node.name for node in cluster.nodes if node.cordoned}
    there = {pod.namespace for pod in cluster.pods if pod.node in cordoned}
    for each in cluster.budgets:
        if cordoned and each.namespace in there & expected.namespaces and each.pods and each.allowed == 0:
            yield Symptom(
                f"disruption budget {each.namespace}/{each.name}",
                f"allows no eviction now: {each.healthy} of {count(each.pods, 'pod')} healthy",
                "wait until the group that is down is ready again",
                severity=Severity.WARNING,
            )
