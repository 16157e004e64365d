"""The pods that a resource makes, whatever kind of workload it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.policy.resource import Resource
from infra.policy.values import at, items, mapping, number

GPU: Final = "nvidia.com/gpu"
EFA: Final = "vpc.amazonaws.com/efa"
LEADER_WORKER_SET: Final = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
DISAGGREGATED_SET: Final = "kubernetes:disaggregatedset.x-k8s.io/v1:DisaggregatedSet"
GROUPS: Final = (LEADER_WORKER_SET, DISAGGREGATED_SET)
"""The kinds whose pods are ranks of groups."""
JOB: Final = "kubernetes:batch/v1:Job"

_TEMPLATES: Final = {
    LEADER_WORKER_SET: ("spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"),
    JOB: ("spec.template",),
    "kubernetes:batch/v1:CronJob": ("spec.jobTemplate.spec.template",),
    "kubernetes:apps/v1:Deployment": ("spec.template",),
    "kubernetes:apps/v1:StatefulSet": ("spec.template",),
    "kubernetes:apps/v1:DaemonSet": ("spec.template",),
}
WORKLOADS: Final = (*_TEMPLATES, DISAGGREGATED_SET, "kubernetes:core/v1:Pod")
"""The kinds whose pods the program itself describes; those of charts are the charts' own."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as a template describes it: where the template stands, its spec, the pods of a group (1 by itself), and its
    labels.
    """

    resource: Resource
    path: str
    spec: Mapping[str, Any]
    group: int | None
    labels: Mapping[str, Any]

    @property
    def containers(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every container with its path, those that run before the others included."""
        return [
            (f"{self.path}.{kind}[{index}]", mapping(container))
            for kind in ("initContainers", "containers")
            for index, container in enumerate(items(self.spec.get(kind)))
        ]

    def asks(self, device: str) -> int | None:
        """How many of a device the pod asks for; None where that is unknown."""
        total = 0
        for _, container in self.containers:
            value = at(container, "resources.limits")
            amount = mapping(value).get(device, 0) if isinstance(value, Mapping) else value
            count = 0 if amount is None else number(amount)
            if count is None:
                return None
            total += count
        return total


def pods(resource: Resource) -> Iterator[Pod]:
    """The pods of a resource; none for one that is no workload."""
    if resource.type == "kubernetes:core/v1:Pod":
        labels = mapping(at(resource.props, "metadata.labels"))
        yield Pod(resource, "spec", mapping(resource.props.get("spec")), 1, labels)
        return
    if resource.type == DISAGGREGATED_SET:
        for index, role in enumerate(items(at(resource.props, "spec.roles"))):
            yield from _of_templates(resource, mapping(role), LEADER_WORKER_SET, f"spec.roles[{index}].")
    yield from _of_templates(resource, resource.props, resource.type)


def _of_templates(resource: Resource, props: Mapping[str, Any], kind: str, root: str = "") -> Iterator[Pod]:
    """The pods of a workload of some kind, whose properties stand at `root` of the resource's."""
    group = number(at(props, "spec.leaderWorkerTemplate.size")) if kind == LEADER_WORKER_SET else 1
    for template in _TEMPLATES.get(kind, ()):
        spec = at(props, f"{template}.spec")
        if isinstance(spec, Mapping):
            labels = mapping(at(props, f"{template}.metadata.labels"))
            yield Pod(resource, f"{root}{template}.spec", spec, group, labels)
