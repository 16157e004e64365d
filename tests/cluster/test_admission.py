"""Every object of the program is admitted as it is written, and nothing writes it differently."""

from __future__ import annotations

from typing import Any

import pytest

from components.monitoring.efa_exporter.plan import NAMESPACE as EFA_EXPORTER
from components.serving.names import NAMESPACE
from tests.cluster.client import Manifest, RefusedError, name_of
from tests.cluster.deployment import Deployment, described
from tests.cluster.program import EVERY_STACK


@pytest.mark.stacks(*EVERY_STACK)
def test_applied_twice_nothing_changes(deployed: Deployment):
    changed = [
        described(manifest)
        for manifest in deployed.program.objects
        if _spoken(deployed.live(manifest)) != _spoken(deployed.client.apply(manifest))
    ]
    assert changed == []


@pytest.mark.stacks(*EVERY_STACK)
def test_nothing_that_the_program_writes_is_written_back_differently(deployed: Deployment):
    differences = [
        f"{described(manifest)}: {difference}"
        for manifest in deployed.program.objects
        for difference in _differences(manifest, deployed.answers[described(manifest)])
    ]
    assert differences == [], "each of these shows as a change in every preview"


def test_claims_are_bound(deployed: Deployment):
    for claim in deployed.of_kind("PersistentVolumeClaim"):
        live = deployed.live(claim)
        assert live is not None
        assert live["status"]["phase"] == "Bound", described(claim)
        assert live["spec"]["volumeName"] == claim["spec"]["volumeName"], "Pulumi waits 300 s for any other claim"


CONTAINERS = {
    "no container here is privileged": {"securityContext": {"privileged": True, "allowPrivilegeEscalation": True}},
    "containers here set allowPrivilegeEscalation": {"securityContext": {"allowPrivilegeEscalation": True}},
    "containers here drop all capabilities": {"securityContext": {"capabilities": {"add": [], "drop": ["KILL"]}}},
    "capabilities that containers here may add": {
        "securityContext": {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}
    },
    "containers here take no port of a node": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "images here come from": {"image": "docker.io/library/busybox:1"},
}
PODS: dict[str, dict[str, Any]] = {
    "pods here share no namespace with their node": {"hostNetwork": True},
    "host paths that pods here may mount": {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
    "pods here run under the runtime's seccomp profile": {
        "securityContext": {"seccompProfile": {"type": "Unconfined"}}
    },
    "pods here mount no token for the Kubernetes API": {"automountServiceAccountToken": True},
}


@pytest.mark.parametrize("message", CONTAINERS)
def test_the_admission_policy_refuses_a_container(deployed: Deployment, message: str):
    pod = _engine_pod(deployed)
    container = pod["spec"]["containers"][0]
    for key, value in CONTAINERS[message].items():
        container[key] = {**container[key], **value} if isinstance(value, dict) else value
    with pytest.raises(RefusedError, match=message):
        deployed.client.apply(pod, dry_run=True)


def test_the_admission_policy_sees_containers_that_run_first(deployed: Deployment):
    pod = _engine_pod(deployed)
    context = pod["spec"]["containers"][0]["securityContext"]
    hidden = {"name": "hidden", "image": "docker.io/library/busybox:1", "securityContext": context}
    pod["spec"]["initContainers"] = [hidden]
    with pytest.raises(RefusedError, match="images here come from"):
        deployed.client.apply(pod, dry_run=True)


def test_the_admission_policy_sees_containers_that_come_later(deployed: Deployment):
    running = deployed.leaders(deployed.engines[0])[0]
    debugger = {"name": "debugger", "image": "docker.io/library/busybox:1"}
    with pytest.raises(RefusedError, match="sglang-hyperpod-engines"):
        deployed.client.merge(running, {"spec": {"ephemeralContainers": [debugger]}}, subresource="ephemeralcontainers")


@pytest.mark.parametrize("message", PODS)
def test_the_admission_policy_refuses_a_pod(deployed: Deployment, message: str):
    pod = _engine_pod(deployed)
    volumes = [*pod["spec"]["volumes"], *PODS[message].get("volumes", [])]
    pod["spec"] |= {**PODS[message], "volumes": volumes}
    with pytest.raises(RefusedError, match=message):
        deployed.client.apply(pod, dry_run=True)


@pytest.mark.stacks(*EVERY_STACK)
def test_the_admission_policy_s_expressions_fit_the_kinds_that_they_judge(deployed: Deployment):
    for policy in deployed.of_kind("ValidatingAdmissionPolicy"):
        live = deployed.live(policy)
        assert live is not None
        assert live["status"]["typeChecking"].get("expressionWarnings", []) == []


def test_the_admission_policy_admits_the_planned_pods(deployed: Deployment):
    admitted = deployed.client.apply(_engine_pod(deployed), dry_run=True)
    assert admitted["spec"]["containers"][0]["image"] == _engine_pod(deployed)["spec"]["containers"][0]["image"]


def test_the_efa_exporter_breaks_the_restricted_level_by_its_host_paths_alone(deployed: Deployment):
    (daemon_set,) = [each for each in deployed.of_kind("DaemonSet") if name_of(each) == EFA_EXPORTER]
    pod = {**daemon_set["spec"]["template"], "apiVersion": "v1", "kind": "Pod"}
    with pytest.raises(RefusedError) as refused:
        deployed.client.apply({**pod, "metadata": {"name": "visitor", "namespace": "monitoring"}}, dry_run=True)
    reasons = str(refused.value).partition('violates PodSecurity "restricted:latest": ')[2]
    assert reasons == (
        'restricted volume types (volumes "sys-class", "sys-devices" use restricted volume type "hostPath")'
    )
    own = deployed.client.apply({**pod, "metadata": {"name": "visitor", "namespace": EFA_EXPORTER}}, dry_run=True)
    assert own["spec"]["priority"] == 0


def test_a_group_with_the_longest_name_gets_its_pods(deployed: Deployment):
    """LeaderWorkerSet puts name, group and revision into one label of 63 characters."""
    engine = deployed.engines[0]
    manifest = deployed.of_kind("LeaderWorkerSet")[0]
    longest = {**manifest, "metadata": {**manifest["metadata"], "name": "l" * 48}}
    deployed.client.apply(longest)
    pods = deployed.client.wait(
        "a group with a name of 48 characters has pods",
        lambda: deployed.client.find_all("v1", "Pod", NAMESPACE, {"leaderworkerset.sigs.k8s.io/name": "l" * 48}),
    )
    assert len(pods) <= engine.pods
    deployed.client.delete(longest)
    deployed.client.wait("it is gone", lambda: not deployed.pending())


def _engine_pod(deployed: Deployment) -> Manifest:
    """A pod of the first model as LeaderWorkerSet would make it."""
    template = deployed.of_kind("LeaderWorkerSet")[0]["spec"]["leaderWorkerTemplate"]["workerTemplate"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "visitor", "namespace": NAMESPACE},
        "spec": template["spec"],
    }


def _spoken(live: Manifest | None) -> Manifest:
    """An object without what controllers and the server itself keep about it."""
    assert live is not None
    kept_by_the_server = ("resourceVersion", "managedFields")
    metadata = {key: value for key, value in live["metadata"].items() if key not in kept_by_the_server}
    return {**live, "metadata": metadata, "status": None}


def _differences(written: Any, live: Any, path: str = "") -> list[str]:
    """Where the server holds something else than what was written; what it added, or left out as empty, is none."""
    if live is None and written in ("", [], {}):
        return []
    if isinstance(written, dict) and isinstance(live, dict):
        return [each for key, value in written.items() for each in _differences(value, live.get(key), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(live, list) and len(written) == len(live):
        pairs = enumerate(zip(written, live, strict=True))
        return [each for index, pair in pairs for each in _differences(*pair, f"{path}[{index}]")]
    return [] if written == live else [f"{path}: {written!r} became {live!r}"]
