"""Every pod finds its node, and a missing node costs exactly the group that no longer fits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from components.monitoring.efa_exporter.plan import NAMESPACE as EFA_EXPORTER
from components.serving.names import NAMESPACE
from tests import tools
from tests.cluster.alerts import expect, unschedulable
from tests.cluster.client import Manifest, labels_of, name_of
from tests.cluster.deployment import GROUP, SET, Deployment, identities, status_of
from tests.cluster.program import EVERY_STACK, STACKS
from tests.cluster.program import SET as KIND_SET
from tests.cluster.stand_ins import needs_charts


@pytest.mark.stacks(*EVERY_STACK)
def test_every_pod_runs(deployed: Deployment):
    assert [name_of(pod) for pod in deployed.unfinished()] == []
    for engine in deployed.engines:
        assert len(deployed.ranks(engine)) == engine.replicas * engine.nodes_per_group


def test_the_weights_are_fetched_on_the_system_pool(deployed: Deployment):
    for job in deployed.of_kind("Job"):
        live = deployed.client.wait("the job is complete", lambda each=job: _complete(deployed.live(each)))
        pods = deployed.client.find_all("v1", "Pod", NAMESPACE, {"batch.kubernetes.io/job-name": name_of(live)})
        assert {host.rpartition("-")[0] for host in deployed.hosts(pods)} == {"system"}


@pytest.mark.stacks(*EVERY_STACK)
def test_each_rank_of_a_group_has_a_node_of_its_pool_to_itself(deployed: Deployment):
    for engine in deployed.engines:
        if engine.pods_per_node > 1:
            continue
        hosts = deployed.hosts(deployed.ranks(engine))
        assert len(set(hosts)) == engine.pods, f"{engine.name} shares nodes: {hosts}"
        assert {host.rpartition("-")[0] for host in hosts} == {engine.pool.name}


@pytest.mark.stacks(*EVERY_STACK)
def test_a_group_of_several_nodes_has_all_gpus_and_efa_interfaces_of_its_nodes(deployed: Deployment):
    for engine in deployed.engines:
        for pod in deployed.ranks(engine):
            node = deployed.client.get("v1", "Node", pod["spec"]["nodeName"])["status"]["allocatable"]
            asked = pod["spec"]["containers"][0]["resources"]["limits"]
            if engine.pods_per_node == 1:
                assert asked["nvidia.com/gpu"] == node["nvidia.com/gpu"]
            if engine.nodes_per_group > 1:
                assert asked.get("vpc.amazonaws.com/efa") == node.get("vpc.amazonaws.com/efa")


def test_the_groups_of_a_model_are_in_one_zone(deployed: Deployment):
    for engine in deployed.engines:
        nodes = [deployed.client.get("v1", "Node", host) for host in deployed.hosts(deployed.ranks(engine))]
        assert {labels_of(node)["topology.k8s.aws/zone-id"] for node in nodes} == {engine.pool.zone}


def test_gpu_nodes_run_engines_and_daemons_alone(deployed: Deployment):
    gpu_nodes = {machine.name for machine in deployed.program.machines if machine.instance.gpus}
    for pod in deployed.client.find_all("v1", "Pod"):
        owner = pod["metadata"]["ownerReferences"][0]["kind"]
        if pod["spec"].get("nodeName") in gpu_nodes:
            assert owner in ("StatefulSet", "DaemonSet"), f"{name_of(pod)} takes the room of an engine"


@needs_charts
@pytest.mark.parametrize(
    ("daemon", "resource"),
    [("nvidia-device-plugin", "nvidia.com/gpu"), ("aws-efa-k8s-device-plugin", "vpc.amazonaws.com/efa")],
)
def test_a_device_plugin_runs_on_every_node_that_has_its_devices(deployed: Deployment, daemon: str, resource: str):
    pods = deployed.client.find_all("v1", "Pod", labels={"app.kubernetes.io/name": daemon})
    nodes = deployed.client.find_all("v1", "Node")
    wanted = {name_of(node) for node in nodes if int(node["status"]["capacity"].get(resource, 0))}
    assert wanted <= set(deployed.hosts(pods)), "these nodes would advertise no devices"


@needs_charts
def test_efa_plugin_stays_off_nodes_without_efa(deployed: Deployment):
    """Where it finds no device it crashes: "No valid EFA devices"."""
    pods = deployed.client.find_all("v1", "Pod", labels={"app.kubernetes.io/name": "aws-efa-k8s-device-plugin"})
    efa = {machine.name for machine in deployed.program.machines if machine.instance.efa_interfaces}
    assert set(deployed.hosts(pods)) == efa


@pytest.mark.stacks(*EVERY_STACK)
def test_the_efa_exporter_runs_on_every_node_with_efa_and_no_other(deployed: Deployment):
    pods = deployed.client.find_all("v1", "Pod", EFA_EXPORTER)
    efa = [machine.name for machine in deployed.program.machines if machine.instance.efa_interfaces]
    assert sorted(deployed.hosts(pods)) == sorted(efa)
    assert {pod["spec"]["priority"] for pod in pods} == {0}, "it must put no engine out"


@pytest.mark.stacks(*STACKS, KIND_SET)
def test_with_one_node_too_few_exactly_the_group_that_does_not_fit_is_pending(deployed: Deployment, tmp_path: Path):
    """Of groups that share a node none goes alone. The alert names the same group."""
    promtool = tools.find("promtool")
    if promtool is None:
        pytest.skip("cluster tier: `make tools` has not made promtool")
    says = partial(expect, deployed, "PodsPendingForGpu", promtool=promtool, folder=tmp_path)
    says((), pods=deployed.client.find_all("v1", "Pod"))
    for engine in (each for each in deployed.engines if each.pods_per_node == 1):
        live = name_of(deployed.leader_worker_set(engine))
        of_group = deployed.ranks(engine, 0)
        others = [pod for each in deployed.engines for pod in deployed.ranks(each)]
        untouched = identities(others) - identities(of_group)
        with deployed.without([*deployed.spare(engine), of_group[-1]["spec"]["nodeName"]]):
            deployed.client.wait(
                f"group 0 of {engine.name} is pending, and no other",
                lambda name=live: {_group(pod) for pod in deployed.pending()} == {(name, "0")},
            )
            pods = deployed.client.wait("the scheduler says why", lambda: _judged(deployed))
            says({engine.name}, pods=pods)
            now = identities(pod for each in deployed.engines for pod in deployed.ranks(each))
            assert untouched <= now, "a group that still fits was disturbed"
            deployed.client.wait(
                f"{engine.name} is no longer Available",
                lambda each=engine: status_of(deployed, each, "Available") != "True",
            )


def _judged(deployed: Deployment) -> list[Manifest]:
    """All pods at a moment at which some have no node, each by the scheduler's verdict; else none."""
    pods = deployed.client.find_all("v1", "Pod")
    waiting = [pod for pod in pods if not pod["spec"].get("nodeName")]
    return pods if waiting and all(map(unschedulable, waiting)) else []


def _group(pod: Manifest) -> tuple[str | None, str | None]:
    return labels_of(pod).get(SET), labels_of(pod).get(GROUP)


def _complete(job: Manifest | None) -> Manifest | None:
    return job if job and job["status"].get("succeeded") else None
