"""The node pools of a stack as its resources describe them: EKS managed node groups and HyperPod instance groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.aws.nodes.plan import COMPUTE_TYPE_LABEL, HEALTH_LABEL, INSTANCE_GROUP_LABEL, NODEGROUP_LABEL
from components.facts.instances import Instance, find_instance
from infra.policy.resource import Resource, Stack
from infra.policy.values import at, items, known, mapping, text

NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
HYPERPOD: Final = "aws-native:sagemaker:Cluster"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"

_EFFECTS: Final = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}
"""EKS writes effects in its own way."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool. `path` is where it stands in its resource, `labels` are those of its ready nodes; `instance` is None for
    a type that is not in the table or unknown.
    """

    resource: Resource
    path: str
    name: str
    labels: Mapping[str, Any]
    taints: tuple[Mapping[str, Any], ...]
    instance: Instance | None

    @property
    def gpus(self) -> int:
        """GPUs of a node."""
        return self.instance.gpus if self.instance else 0

    def answers(self, selector: Mapping[str, Any]) -> bool:
        """Whether the nodes carry every label that a selector asks for; an unknown label may."""
        return all(
            not known(wanted) or (key in self.labels and self.labels[key] in (wanted, *_unknowns(self.labels[key])))
            for key, wanted in selector.items()
        )


def _unknowns(value: Any) -> tuple[Any, ...]:
    return () if known(value) else (value,)


def pools(stack: Stack) -> list[Pool]:
    """Every pool of a stack."""
    return [*_node_groups(stack), *_instance_groups(stack)]


def visible(stack: Stack) -> bool:
    """Whether every pool can be seen whole; one of unknown type or labels may be the one that a pod means."""
    for resource in stack.of_type(NODE_GROUP):
        if not all(known(resource.props.get(key)) for key in ("instanceTypes", "labels", "nodeGroupName")):
            return False
    for resource in stack.of_type(HYPERPOD):
        groups = resource.props.get("instanceGroups")
        seen = (at(group, path) for group in items(groups) for path in ("instanceType", "kubernetesConfig.labels"))
        if not known(groups) or not all(map(known, seen)):
            return False
    return True


def _node_groups(stack: Stack) -> Iterator[Pool]:
    for resource in stack.of_type(NODE_GROUP):
        name = text(resource.props.get("nodeGroupName")) or resource.name
        type_ = next(iter(items(resource.props.get("instanceTypes"))), None)
        labels = {**mapping(resource.props.get("labels")), NODEGROUP_LABEL: name, **_common(type_)}
        taints = tuple(
            {**mapping(taint), "effect": _EFFECTS.get(str(at(taint, "effect")), at(taint, "effect"))}
            for taint in items(resource.props.get("taints"))
        )
        yield Pool(resource, "", name, labels, taints, _instance(type_))


def _instance_groups(stack: Stack) -> Iterator[Pool]:
    for resource in stack.of_type(HYPERPOD):
        for index, group in enumerate(items(resource.props.get("instanceGroups"))):
            name = text(at(group, "instanceGroupName")) or str(index)
            type_ = at(group, "instanceType")
            labels = {
                **mapping(at(group, "kubernetesConfig.labels")),
                INSTANCE_GROUP_LABEL: name,
                HEALTH_LABEL: "Schedulable",
                COMPUTE_TYPE_LABEL: "hyperpod",
                **_common(type_),
            }
            taints = tuple(mapping(taint) for taint in items(at(group, "kubernetesConfig.taints")))
            yield Pool(resource, f"instanceGroups[{name}]", name, labels, taints, _instance(type_))


def _common(type_: Any) -> dict[str, Any]:
    return {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": type_}


def _instance(type_: Any) -> Instance | None:
    name = text(type_)
    return find_instance(name) if name else None
