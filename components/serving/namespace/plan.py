"""What the pods of the engines' namespace may have: exactly what the planned engines need. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.serving.group.labels import NAME_LABEL, SET_LABEL
from components.serving.manifest import Spec
from components.serving.names import NAMESPACE

if TYPE_CHECKING:
    from components.serving.plan import ModelPlan

POLICY: Final = "sglang-hyperpod-engines"
"""Name of the admission policy and of its binding, both of the whole cluster."""


@dataclass(frozen=True, slots=True)
class NamespacePlan:
    """The namespace and the most that its pods may ask for: capabilities, host paths, image repositories. `privileged`
    are the LeaderWorkerSets whose pods may be privileged, `privileged_sets` the DisaggregatedSets. `staging`: some pods
    copy their weights to their node first.
    """

    name: str
    capabilities: tuple[str, ...]
    host_paths: tuple[str, ...]
    repositories: tuple[str, ...]
    privileged: tuple[str, ...] = ()
    privileged_sets: tuple[str, ...] = ()
    staging: bool = False


def plan_namespace(models: Iterable[ModelPlan]) -> NamespacePlan:
    """What the planned models need together; the weights jobs need no more, since they run the engines' images."""
    groups = [group for model in models for group in model.groups]
    return NamespacePlan(
        name=NAMESPACE,
        capabilities=tuple(sorted({name for group in groups for name in group.capabilities})),
        host_paths=tuple(sorted({path for group in groups for path in (group.cache_path, group.staging_path) if path})),
        repositories=tuple(sorted({group.image.repository for group in groups})),
        privileged=tuple(sorted(group.name for group in groups if group.privileged and not group.set_name)),
        privileged_sets=tuple(sorted({group.set_name for group in groups if group.privileged and group.set_name})),
        staging=any(group.weights.staged for group in groups),
    )


def admission_policy(plan: NamespacePlan) -> Spec:
    """`spec` of the ValidatingAdmissionPolicy.

    The Pod Security level of the namespace must be `privileged`, because `baseline` allows neither host paths nor
    IPC_LOCK; this gives back all of `restricted` that engines can do without. (Under a level that is too strict
    a LeaderWorkerSet is accepted and no pod ever appears: seen with LeaderWorkerSet 0.9 on kube-apiserver 1.34.)
    """
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plan.name}},
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["pods", "pods/ephemeralcontainers"],
                }
            ],
        },
        "matchConditions": [{"name": "spec-is-new", "expression": _SPEC_IS_NEW}],
        "variables": _variables(plan),
        "validations": [
            {"expression": expression, "message": message, "reason": "Forbidden"}
            for expression, message in _validations(plan)
        ],
    }


def admission_binding(plan: NamespacePlan) -> Spec:
    """`spec` of the binding: what breaks the policy is denied, and the audit log says so."""
    return {
        "policyName": POLICY,
        "validationActions": ["Deny", "Audit"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plan.name}}},
    }


_SPEC_IS_NEW: Final = "request.operation == 'CREATE' || object.spec != oldObject.spec"
"""A pod that is there and that a newer policy would refuse must still lose its finalizers: the garbage collector takes
them off by an update, and a leader whose update is denied stays in Terminating for good (seen on kube-apiserver 1.34).
"""

_CONTAINERS: Final = (
    "object.spec.containers + object.spec.?initContainers.orValue([]) + object.spec.?ephemeralContainers.orValue([])"
)


def _variables(plan: NamespacePlan) -> list[dict[str, str]]:
    containers = {"name": "containers", "expression": _CONTAINERS}
    allowed = " || ".join(
        f"object.metadata.?labels['{label}'].orValue('') in {_literal(names)}"
        for label, names in ((NAME_LABEL, plan.privileged), (SET_LABEL, plan.privileged_sets))
        if names
    )
    return [containers, *([{"name": "mayBePrivileged", "expression": allowed}] if allowed else [])]


def _validations(plan: NamespacePlan) -> Iterable[tuple[str, str]]:
    capabilities, paths, repositories = map(_literal, (plan.capabilities, plan.host_paths, plan.repositories))
    yield (
        "!object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false)"
        " && !object.spec.?hostIPC.orValue(false)",
        "pods here share no namespace with their node",
    )
    unless, but = _exception(plan)
    yield (unless + _each("!c.?securityContext.?privileged.orValue(false)"), f"no container here is privileged{but}")
    yield (
        unless + _each("!c.?securityContext.?allowPrivilegeEscalation.orValue(true)"),
        f"containers here set allowPrivilegeEscalation: false{but}",
    )
    yield (
        unless + _each("'ALL' in c.?securityContext.?capabilities.?drop.orValue([])"),
        f"containers here drop all capabilities{but}",
    )
    yield (
        _each(f"c.?securityContext.?capabilities.?add.orValue([]).all(name, name in {capabilities})"),
        f"capabilities that containers here may add: {_words(plan.capabilities)}",
    )
    yield (
        f"object.spec.?volumes.orValue([]).all(v, !has(v.hostPath) || v.hostPath.path in {paths})",
        f"host paths that pods here may mount: {_words(plan.host_paths)}",
    )
    yield (_each("c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0)"), "containers here take no port of a node")
    yield (
        "object.spec.?securityContext.?seccompProfile.?type.orValue('Unconfined') == 'RuntimeDefault' && "
        + _each("c.?securityContext.?seccompProfile.?type.orValue('RuntimeDefault') == 'RuntimeDefault'"),
        "pods here run under the runtime's seccomp profile",
    )
    yield (
        "!object.spec.?automountServiceAccountToken.orValue(true)",
        "pods here mount no token for the Kubernetes API",
    )
    yield (
        _each(f"{repositories}.exists(r, c.image.startsWith(r + ':') || c.image.startsWith(r + '@'))"),
        f"images here come from: {_words(plan.repositories)}",
    )


def _exception(plan: NamespacePlan) -> tuple[str, str]:
    """What comes before a condition, and after its message, where some engines' transport needs privileged pods."""
    names = (*plan.privileged, *plan.privileged_sets)
    return ("variables.mayBePrivileged || ", f" but those of {_words(names)}") if names else ("", "")


def _each(condition: str) -> str:
    return f"variables.containers.all(c, {condition})"


def _literal(values: tuple[str, ...]) -> str:
    """A CEL list of strings, which JSON writes alike."""
    return json.dumps(list(values))


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(values) or "none"
