"""The control plane itself: what the tests stand on is real."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from components.facts.instances import instance
from tests.cluster import nodes
from tests.cluster.client import Manifest, RefusedError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.definitions import SHARED

NAMESPACE = "samples"
GROUP: Manifest = {
    "apiVersion": "leaderworkerset.x-k8s.io/v1",
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "pair", "namespace": NAMESPACE},
    "spec": {
        "replicas": 1,
        "leaderWorkerTemplate": {
            "size": 2,
            "workerTemplate": {
                "spec": {
                    "containers": [
                        {
                            "name": "engine",
                            "image": "engine:1",
                            "resources": {
                                "limits": {
                                    "nvidia.com/gpu": "8",
                                    "vpc.amazonaws.com/efa": "32",
                                    "hugepages-2Mi": "5120Mi",
                                    "memory": "64Gi",
                                }
                            },
                        }
                    ]
                }
            },
        },
    },
}


@pytest.fixture(scope="module")
def namespace(plane: ControlPlane):
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    plane.client.apply(manifest)
    yield
    plane.client.delete(manifest)
    plane.client.wait("the namespace is gone", lambda: plane.client.find("v1", "Namespace", NAMESPACE) is None)


@pytest.fixture
def machines(plane: ControlPlane):
    p5 = instance("p5.48xlarge")
    machines = [nodes.Machine(f"sample-{number}", "sample", p5, 29, {}) for number in range(3)]
    nodes.join(plane.client, machines)
    yield machines
    for machine in machines:
        nodes.leave(plane.client, machine.name)


def test_a_group_runs_on_nodes_of_its_own(plane: ControlPlane, namespace: None, machines: list[nodes.Machine]):
    plane.client.apply(GROUP)
    pods = plane.client.wait("both ranks run", lambda: _running(plane, 2))
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
    environment = {each["name"] for each in pods[0]["spec"]["containers"][0]["env"]}
    assert environment == {"LWS_LEADER_ADDRESS", "LWS_GROUP_SIZE", "LWS_WORKER_INDEX"}
    plane.client.delete(GROUP)
    plane.client.wait("the group is gone", lambda: not plane.client.find_all("v1", "Pod", NAMESPACE))


def test_a_misspelt_field_is_refused(plane: ControlPlane, namespace: None):
    misspelt = {**GROUP, "spec": {**GROUP["spec"], "replica": 1}}
    with pytest.raises(RefusedError, match=r"\.spec\.replica"):
        plane.client.apply(misspelt)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared samples are not beside the repository")
def test_the_samples_are_admitted(plane: ControlPlane, namespace: None):
    served = {"leaderworkerset.x-k8s.io/v1", "keda.sh/v1alpha1", "monitoring.coreos.com/v1"}
    samples = yaml.safe_load_all(Path(SHARED / "samples.yaml").read_text())
    admitted = []
    for sample in (each for each in samples if each and each["apiVersion"] in served):
        if plane.client.namespaced(sample["apiVersion"], sample["kind"]):
            sample["metadata"]["namespace"] = NAMESPACE
        admitted.append(plane.client.apply(sample, dry_run=True)["kind"])
    assert {"LeaderWorkerSet", "ScaledObject", "PodMonitor", "PrometheusRule"} <= set(admitted)


def _running(plane: ControlPlane, count: int):
    pods = plane.client.find_all("v1", "Pod", NAMESPACE, {"leaderworkerset.sigs.k8s.io/name": "pair"})
    running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
    return running if len(running) == count else None
