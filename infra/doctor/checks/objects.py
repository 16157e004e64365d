"""Objects of the plan: there, as planned, and not stuck in their deletion. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components.rules import Severity
from infra.doctor.check import Symptom, check
from infra.doctor.compare import differences
from infra.doctor.expected import Expected, ExpectedObject
from infra.doctor.observed import Cluster

GRACE_MINUTES = 10
"""Minutes that a deletion may take beyond what pods are given to end."""
_SHOWN = 4
_CUSTOM = "x-k8s.io", ".coreos.com", "keda.sh", "k8s.aws"


@check("objects.missing", page="drift.md", reads=())
def an_object_of_the_plan_is_missing(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """An object of the plan is not in the cluster."""
    kinds = _unread_kinds(cluster)
    for each in expected.objects:
        if each.kubectl_kind not in kinds and _live(each, cluster) is None:
            yield Symptom(str(each), "is not there", "run `pulumi up`")


@check("objects.kinds", page="crd-upgrade.md", reads=())
def the_cluster_does_not_serve_a_version(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """The cluster does not serve an API version that the plan uses: its CustomResourceDefinition is absent or older."""
    for kind in expected.kinds:
        reason = cluster.unread.get(kind, "")
        if "resource type" in reason or "requested resource" in reason:
            yield Symptom(
                f"kind {kind}",
                f"is not served: {reason}",
                "apply the definitions that `sglang-hyperpod crds --out crds` fetches, then `pulumi up`",
            )


@check("objects.differ", page="drift.md", reads=(), severity=Severity.WARNING)
def an_object_differs_from_the_plan(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A live object differs from the plan; what an autoscaler owns is left alone."""
    for each in expected.objects:
        live = _live(each, cluster)
        found = [] if live is None else list(differences(each.manifest, live, each.left_alone))
        if not found:
            continue
        dropped = [one for one in found if one.live is None]
        custom = str(each.manifest["apiVersion"]).partition("/")[0].endswith(_CUSTOM)
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield Symptom(
            str(each),
            f"differs from the plan: {'; '.join(str(one) for one in found[:_SHOWN])}{more}",
            "apply the newer definitions, then `pulumi up --refresh`"
            if custom and dropped
            else "`pulumi up --refresh` makes it as planned; a change that shall stay belongs into the settings",
            page="crd-upgrade.md" if custom and dropped else "",
        )


@check("objects.stuck", page="stuck-deletion.md", reads=("namespace",))
def a_deletion_is_stuck(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """An object waits for finalizers that nobody takes off, or a pod cannot end."""
    grace = max((group.grace_period_seconds for _, group in expected.groups), default=0) / 60 + GRACE_MINUTES
    for each in cluster.leaving:
        minutes = cluster.minutes_since(each.since)
        if minutes > grace and (not each.namespace or each.namespace in expected.namespaces):
            place = f"{each.namespace}/{each.name}" if each.namespace else each.name
            yield Symptom(
                f"{each.kind} {place}",
                f"is being deleted for {minutes:.0f} min, held by {', '.join(each.finalizers)}",
                "bring the controller back that takes this finalizer off",
            )
    for pod in cluster.pods:
        if pod.deleted and pod.namespace in expected.namespaces and cluster.minutes_since(pod.deleted) > GRACE_MINUTES:
            yield Symptom(
                f"pod {pod.namespace}/{pod.name}",
                f"cannot end on node {pod.node or 'none'} for {cluster.minutes_since(pod.deleted):.0f} min",
                "see whether the node's kubelet is silent",
                page="lost-node.md",
                severity=Severity.WARNING,
            )


def _live(each: ExpectedObject, cluster: Cluster) -> object | None:
    return cluster.objects.get((each.kind, each.namespace, each.name))


def _unread_kinds(cluster: Cluster) -> frozenset[str]:
    return frozenset(cluster.unread)
