"""Every object of the program is admitted as it is written, and nothing writes it differently."""

from __future__ import annotations

from typing import Any

import pytest

from components.serving.plan import NAMESPACE
from tests.cluster.client import Manifest, RefusedError
from tests.cluster.deployment import Deployment, described


def test_applied_twice_nothing_changes(deployed: Deployment):
    changed = []
    for manifest in deployed.program.objects:
        before = deployed.live(manifest)
        after = deployed.client.apply(manifest)
        assert before is not None, f"{described(manifest)} is gone"
        if before["metadata"]["resourceVersion"] != after["metadata"]["resourceVersion"]:
            changed.append(described(manifest))
    assert changed == []


def test_nothing_that_the_program_writes_is_written_back_differently(deployed: Deployment):
    differences = [
        f"{described(manifest)}: {difference}"
        for manifest in deployed.program.objects
        for difference in _differences(manifest, deployed.live(manifest))
    ]
    assert differences == [], "each of these shows as a change in every preview"


def test_claims_are_bound(deployed: Deployment):
    for claim in deployed.of_kind("PersistentVolumeClaim"):
        live = deployed.live(claim)
        assert live is not None
        assert live["status"]["phase"] == "Bound", described(claim)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a privileged container", {"securityContext": {"privileged": True}}),
        ("an unplanned capability", {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}}),
        ("capabilities that are not dropped", {"securityContext": {"capabilities": {"drop": []}}}),
        ("an escalation of privileges", {"securityContext": {"allowPrivilegeEscalation": True}}),
        ("an image from elsewhere", {"image": "docker.io/library/busybox:1"}),
        ("a port of the node", {"ports": [{"containerPort": 80, "hostPort": 80}]}),
    ],
)
def test_the_admission_policy_refuses(deployed: Deployment, what: str, change: dict[str, Any]):
    pod = _engine_pod(deployed)
    container = pod["spec"]["containers"][0]
    for key, value in change.items():
        merged = {**container[key], **value} if isinstance(value, dict) else value
        container[key] = merged
    with pytest.raises(RefusedError, match="sglang-hyperpod-engines"):
        deployed.client.apply(pod, dry_run=True)


@pytest.mark.parametrize(
    "change",
    [
        {"hostNetwork": True},
        {"hostPID": True},
        {"automountServiceAccountToken": True},
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
        {"volumes": [{"name": "nvme", "hostPath": {"path": "/mnt/k8s-disks/0/sglang-cache/../.."}}]},
    ],
    ids=str,
)
def test_the_admission_policy_refuses_a_pod_with(deployed: Deployment, change: dict[str, Any]):
    pod = _engine_pod(deployed)
    if "volumes" in change:
        change = {"volumes": [*pod["spec"]["volumes"], *change["volumes"]]}
    pod["spec"] |= change
    with pytest.raises(RefusedError, match="sglang-hyperpod-engines"):
        deployed.client.apply(pod, dry_run=True)


def test_the_admission_policy_admits_the_planned_pods(deployed: Deployment):
    deployed.client.apply(_engine_pod(deployed), dry_run=True)


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


def _differences(written: Any, live: Any, path: str = "") -> list[str]:
    """Where the server holds something else than what was written; what it added is no difference."""
    if isinstance(written, dict) and isinstance(live, dict):
        return [each for key, value in written.items() for each in _differences(value, live.get(key), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(live, list) and len(written) == len(live):
        pairs = enumerate(zip(written, live, strict=True))
        return [each for index, pair in pairs for each in _differences(*pair, f"{path}[{index}]")]
    return [] if written == live else [f"{path}: {written!r} became {live!r}"]
