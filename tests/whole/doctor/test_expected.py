"""What a stack's recording says that should be in the cluster."""

from __future__ import annotations

from dataclasses import replace

from infra.doctor.expected import Expected
from infra.plan import resolve
from tests import shipped
from tests.unit.doctor.clusters import expected


def test_objects_charts_and_namespaces_are_those_of_the_program() -> None:
    prod = expected("prod")
    assert {"LeaderWorkerSet", "PodMonitor", "PersistentVolume", "Job"} <= {each.kind for each in prod.objects}
    assert {("lws-system", "lws"), ("keda", "keda")} <= {(each.namespace, each.name) for each in prod.releases}
    assert {"inference", "monitoring", "kube-system"} <= prod.namespaces


def test_kinds_are_asked_for_in_the_plan_s_version() -> None:
    assert {"leaderworkerset.v1.leaderworkerset.x-k8s.io", "service"} <= set(expected().kinds)


def test_secrets_are_never_among_them() -> None:
    for stack in shipped.STACKS:
        recording = shipped.recording(stack)
        secret = replace(
            next(each for each in recording.resources if each.inputs.get("kind") == "Service"),
            inputs={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "inference"}},
        )
        with_one = replace(recording, resources=[*recording.resources, secret])
        found = Expected.of(resolve(shipped.settings(stack)), with_one)
        assert "secret" not in found.kinds


def test_replicas_of_what_a_scaled_object_targets_are_left_alone() -> None:
    recording = shipped.recording("dev")
    target = {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "qwen3-8b"}
    scaled = replace(
        next(each for each in recording.resources if each.inputs.get("kind") == "Service"),
        inputs={
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "qwen3-8b", "namespace": "inference"},
            "spec": {"scaleTargetRef": target},
        },
    )
    found = Expected.of(resolve(shipped.settings("dev")), replace(recording, resources=[*recording.resources, scaled]))
    (group,) = [each for each in found.objects if each.kind == "LeaderWorkerSet"]
    assert "spec.replicas" in group.left_alone
