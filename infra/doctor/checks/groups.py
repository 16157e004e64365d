"""Groups of ranks: which do not fit and why, which are made anew again and again, which are not ready. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Severity
from components.serving.group.labels import NAME_LABEL
from components.words import count
from infra.doctor.check import Symptom, check
from infra.doctor.checks.nodes import nodes_of, pools, usable
from infra.doctor.expected import Expected
from infra.doctor.observed import Cluster, Pod

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan

LEADER_WORKER_SETS = "leaderworkerset.v1.leaderworkerset.x-k8s.io"
GROUP_LABEL = "leaderworkerset.sigs.k8s.io/group-index"
DISAGGREGATED_SET = "DisaggregatedSet"
RECREATED = "RecreateGroup"
"""Reason of the event by which LeaderWorkerSet tells that it makes a group anew (lws v0.9.0 pod_controller.go)."""
OFTEN = 3
"""Times within the hour that events are kept, from which on it is no accident."""


def pending_groups(expected: Expected, cluster: Cluster) -> dict[tuple[str, str, str], list[Pod]]:
    """Pods without a node by namespace, LeaderWorkerSet and index of the group."""
    found: dict[tuple[str, str, str], list[Pod]] = defaultdict(list)
    for pod in cluster.pods:
        if pod.unschedulable and not pod.deleted and NAME_LABEL in pod.labels:
            found[pod.namespace, pod.labels[NAME_LABEL], pod.labels.get(GROUP_LABEL, "?")].append(pod)
    return dict(found)


@check("groups.pending", page="pending-pods.md", reads=("pod", "node"))
def a_group_does_not_fit(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """Pods of a group have no node: the group that does not fit, with the scheduler's own reason."""
    for (_, name, index), pods in sorted(pending_groups(expected, cluster).items()):
        group = next((each for _, each in expected.groups if each.members.items() <= pods[0].labels.items()), None)
        room = f"; {_room(expected, cluster, group)}" if group else ""
        size = f"of {group.nodes_per_group} pods" if group else "pods"
        yield Symptom(
            f"group {index} of {group.name if group else name}",
            f"does not fit: {len(pods)} {size} {'has' if len(pods) == 1 else 'have'} no node{room}. "
            f"The scheduler: {pods[0].unschedulable}",
            "bring the missing nodes back, or lower `replicas` of the model",
        )


def _room(expected: Expected, cluster: Cluster, group: GroupPlan) -> str:
    pool = next(pool for pool in pools(expected) if pool.name == group.pool.name)
    there = [node for node in nodes_of(pool, cluster) if usable(node)]
    has = f"{len(there)} of {count(pool.nodes, 'node')} that take pods"
    return f"pool {pool.name} has {has}, its models need {pool.needed}"


@check("pods.pending", page="pending-pods.md", reads=("pod",), severity=Severity.WARNING)
def a_pod_of_the_platform_does_not_fit(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A pod of the platform, a router or a job has no node."""
    for pod in cluster.pods:
        if (
            pod.unschedulable
            and not pod.deleted
            and NAME_LABEL not in pod.labels
            and pod.namespace in expected.namespaces
        ):
            yield Symptom(
                f"pod {pod.namespace}/{pod.name}",
                f"has no node. The scheduler: {pod.unschedulable}",
                "give the pool that it asks for another node",
            )


@check("groups.refused", page="pods-refused.md", reads=("event",))
def pods_are_refused(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """Pods never appear since the API server refuses to create them."""
    latest = {}
    for event in cluster.events:
        owned = event.kind in ("StatefulSet", "ReplicaSet", "DaemonSet", "Job", "LeaderWorkerSet")
        if event.reason == "FailedCreate" and owned and event.namespace in expected.namespaces:
            latest[event.kind, event.namespace, event.name] = event
    for (kind, namespace, name), event in sorted(latest.items()):
        if not any(pod.namespace == namespace and pod.name.startswith(f"{name}-") for pod in cluster.pods):
            yield Symptom(
                f"{kind} {namespace}/{name}", event.message, "change what the message names, then `pulumi up`"
            )


@check("groups.recreated", page="group-recreated.md", reads=("event",), severity=Severity.WARNING)
def a_group_is_made_anew_again_and_again(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A LeaderWorkerSet makes its groups anew again and again."""
    times: dict[str, int] = defaultdict(int)
    for event in cluster.events:
        if event.reason == RECREATED and event.kind == "LeaderWorkerSet":
            times[event.name] += event.count
    for name, number in sorted(times.items()):
        if number >= OFTEN:
            yield Symptom(
                f"groups of {name}",
                f"made anew again and again: {count(number, 'event')} within the hour that events are kept",
                "find the rank that ends first: `kubectl logs --previous` of the pod that the event names",
            )


@check("groups.ready", page="group-not-ready.md", reads=(LEADER_WORKER_SETS, "pod"))
def a_group_is_not_ready(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """Fewer groups are ready than wanted, though all of their pods have nodes."""
    pending = [pods[0] for pods in pending_groups(expected, cluster).values()]
    for model, group in expected.groups:
        found = cluster.group_sets_of(model.namespace, group.name, group.members)
        wanted, ready = sum(each.wanted for each in found), sum(each.ready for each in found)
        if not found and (DISAGGREGATED_SET, model.namespace, group.set_name) in cluster.objects:
            yield Symptom(
                f"groups of {group.name}",
                f"{DISAGGREGATED_SET} {group.set_name} has made no LeaderWorkerSet of its role {group.role}",
                "read its events and the log of lws-controller-manager in lws-system",
            )
        if ready >= wanted or any(group.members.items() <= pod.labels.items() for pod in pending):
            continue
        ages = [cluster.minutes_since(pod.created) for pod in _unready(cluster, group)]
        age = max(ages, default=0)
        starting = age < group.ready_minutes
        yield Symptom(
            f"groups of {group.name}",
            f"{ready} of {wanted} ready, the oldest unready pod is {age:.0f} min old; "
            f"the plan allows {group.ready_minutes} min for image, weights and warm-up",
            "wait" if starting else "read the leader's log: what does it wait for?",
            severity=Severity.ADVICE if starting else Severity.ERROR,
        )


def _unready(cluster: Cluster, group: GroupPlan) -> list[Pod]:
    return [pod for pod in cluster.pods if group.members.items() <= pod.labels.items() and not pod.ready]
