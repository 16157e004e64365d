"""What should be in the cluster: the plan, and the objects and charts that the recorded program makes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.offline.recording import Recorded, Recording

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan, ModelPlan
    from infra.plan import Plan

RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """An object of the plan. `left_alone` are paths that others own, such as an autoscaler's `spec.replicas`."""

    manifest: Mapping[str, Any]
    left_alone: frozenset[str]

    @property
    def kind(self) -> str:
        """`kind`."""
        return str(self.manifest["kind"])

    @property
    def namespace(self) -> str:
        """`metadata.namespace`, empty where it has none."""
        return str(self.manifest["metadata"].get("namespace") or "")

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return str(self.manifest["metadata"]["name"])

    @property
    def kubectl_kind(self) -> str:
        """The kind in the plan's version, as `kubectl get` takes it: `leaderworkerset.v1.leaderworkerset.x-k8s.io`.

        One of the core group is asked for by its kind alone.
        """
        group, _, version = str(self.manifest["apiVersion"]).rpartition("/")
        return f"{self.kind.lower()}.{version}.{group}" if group else self.kind.lower()

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


@dataclass(frozen=True, slots=True)
class ExpectedRelease:
    """A Helm release of the plan, by name and namespace."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Expected:
    """A stack as it should be."""

    plan: Plan
    objects: tuple[ExpectedObject, ...]
    releases: tuple[ExpectedRelease, ...]

    @classmethod
    def of(cls, plan: Plan, recording: Recording) -> Expected:
        """What a plan and the recording of its program come to."""
        return cls(plan, tuple(_objects(recording)), tuple(_releases(recording)))

    @property
    def kinds(self) -> list[str]:
        """The kinds of the objects, as `kubectl get` takes them; secrets are never read."""
        return sorted({each.kubectl_kind for each in self.objects})

    @property
    def namespaces(self) -> frozenset[str]:
        """Namespaces in which the stack has objects or charts."""
        own = {each.name for each in self.objects if each.kind == "Namespace"}
        return frozenset(own | {each.namespace for each in self.releases})

    @property
    def groups(self) -> list[tuple[ModelPlan, GroupPlan]]:
        """Every LeaderWorkerSet with its model."""
        return [(model, group) for model in self.plan.models for group in model.groups]


def _objects(recording: Recording) -> Iterator[ExpectedObject]:
    resources = [each for each in recording.resources if _is_object(each)]
    scaled = {_scaled(each.inputs) for each in resources if each.inputs["kind"] == "ScaledObject"}
    for each in resources:
        kind, name = each.inputs["kind"], each.inputs["metadata"]["name"]
        owned = {"spec.replicas"} if (kind, name) in scaled else set()
        yield ExpectedObject(each.inputs, frozenset({*each.ignore_changes, *owned}))


def _is_object(resource: Recorded) -> bool:
    inputs = resource.inputs
    named = {"apiVersion", "kind"} <= inputs.keys() and (inputs.get("metadata") or {}).get("name")
    return bool(named) and inputs["kind"] != "Secret"


def _scaled(inputs: Mapping[str, Any]) -> tuple[str, str]:
    target = inputs["spec"]["scaleTargetRef"]
    return target.get("kind", "Deployment"), target["name"]


def _releases(recording: Recording) -> Iterator[ExpectedRelease]:
    for each in recording.of_type(RELEASE):
        yield ExpectedRelease(each.inputs.get("namespace") or "default", each.inputs.get("name") or each.name)
