"""Each rank knows its place: command line, addresses, and who finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.serving.names import NAMESPACE
from components.serving.plan import GroupPlan
from tests.cluster import kubelet
from tests.cluster.client import Manifest, labels_of, name_of
from tests.cluster.deployment import GROUP, RANK, Deployment, is_ready
from tests.cluster.program import EVERY_STACK
from tests.cluster.selectors import selects

SERVICE_OF_SLICE = "kubernetes.io/service-name"


@pytest.mark.stacks(*EVERY_STACK)
def test_every_rank_starts_with_its_place_in_its_group(deployed: Deployment, tmp_path: Path):
    for engine in (each for each in deployed.engines if each.nodes_per_group > 1):
        for pod in deployed.ranks(engine):
            arguments = kubelet.start(pod, _resolvable(deployed, engine), tmp_path / name_of(pod))
            assert _option(arguments, "--node-rank") == labels_of(pod)[RANK]
            assert _option(arguments, "--nnodes") == str(engine.nodes_per_group)
            address = _option(arguments, "--dist-init-addr").rpartition(":")[0]
            service = name_of(deployed.leader_worker_set(engine))
            assert address == f"{service}-{labels_of(pod)[GROUP]}.{service}.{NAMESPACE}"


@pytest.mark.stacks(*EVERY_STACK)
def test_all_ranks_of_a_group_start_alike_but_for_their_rank(deployed: Deployment, tmp_path: Path):
    for engine in deployed.engines:
        lines = set()
        for pod in deployed.ranks(engine, 0):
            arguments = kubelet.start(pod, _resolvable(deployed, engine), tmp_path / name_of(pod))
            if "--node-rank" in arguments:
                arguments[arguments.index("--node-rank") + 1] = "N"
            lines.add(tuple(arguments))
        assert len(lines) == 1, f"{engine.name}: ranks that disagree wait for each other for ever"


def test_a_single_node_group_starts_alone(deployed: Deployment, tmp_path: Path):
    for engine in (each for each in deployed.engines if each.nodes_per_group == 1):
        arguments = kubelet.start(deployed.leaders(engine)[0], [], tmp_path)
        assert arguments[:2] == ["-m", "sglang.launch_server"]
        assert "--dist-init-addr" not in arguments


def test_the_leader_s_name_leads_to_the_leader(deployed: Deployment):
    """DNS makes `<pod>.<service>` of a headless Service's endpoints that carry a host name."""
    for engine in (each for each in deployed.engines if each.nodes_per_group > 1):
        endpoints = _endpoints(deployed, engine.name)
        for leader in deployed.leaders(engine):
            assert endpoints[name_of(leader)]["addresses"] == [leader["status"]["podIP"]]
        service = deployed.client.get("v1", "Service", engine.name, NAMESPACE)["spec"]
        assert service["clusterIP"] == "None"
        assert service["publishNotReadyAddresses"], "ranks find each other before any is ready"


def test_only_leaders_are_endpoints_of_the_service(deployed: Deployment):
    for model in (each for each in deployed.program.plan.models if each.router is None):
        found = _endpoints(deployed, model.service)
        assert set(found) == {name_of(leader) for leader in deployed.leaders(model.front)}
        ports = {port["port"] for slice_ in _slices(deployed, model.service) for port in slice_["ports"]}
        served = {port["containerPort"] for port in _container(deployed.leaders(model.front)[0])["ports"]}
        assert ports == served


@pytest.mark.stacks(*EVERY_STACK)
def test_every_rank_is_scraped(deployed: Deployment):
    monitors = [deployed.live(monitor) for monitor in deployed.of_kind("PodMonitor")]
    for engine in deployed.engines:
        for pod in deployed.ranks(engine):
            declared = _container(pod)["ports"]
            ports = {port["name"] for port in declared} | {port["containerPort"] for port in declared}
            scraping = [
                name_of(monitor)
                for monitor in monitors
                if monitor
                and _watches(monitor, pod)
                and all(
                    each.get("port", each.get("portNumber")) in ports for each in monitor["spec"]["podMetricsEndpoints"]
                )
            ]
            assert len(scraping) == 1, f"{name_of(pod)} is scraped by {scraping or 'nobody'}"


@pytest.mark.stacks(*EVERY_STACK)
def test_leaders_alone_say_whether_the_model_is_ready(deployed: Deployment):
    """Another rank answers 200 whatever happens, so its readiness would say nothing."""
    for engine in deployed.engines:
        for pod in deployed.ranks(engine):
            assert is_ready(pod)
            assert ("readinessProbe" in _container(pod)) == (labels_of(pod)[RANK] == "0")


def _option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def _resolvable(deployed: Deployment, engine: GroupPlan) -> list[str]:
    """What the cluster's DNS has for a group's headless Service."""
    service = name_of(deployed.leader_worker_set(engine))
    return [f"{host}.{service}.{NAMESPACE}" for host in _endpoints(deployed, service)]


def _slices(deployed: Deployment, service: str) -> list[Manifest]:
    return deployed.client.find_all("discovery.k8s.io/v1", "EndpointSlice", NAMESPACE, {SERVICE_OF_SLICE: service})


def _endpoints(deployed: Deployment, service: str) -> dict[str, Manifest]:
    """Endpoints of a Service by the pod behind each."""
    return {
        endpoint["targetRef"]["name"]: endpoint
        for slice_ in _slices(deployed, service)
        for endpoint in slice_["endpoints"] or []
    }


def _container(pod: Manifest) -> Manifest:
    return pod["spec"]["containers"][0]


def _watches(monitor: Manifest, pod: Manifest) -> bool:
    spec = monitor["spec"]
    spaces = spec.get("namespaceSelector", {}).get("matchNames", [monitor["metadata"]["namespace"]])
    return pod["metadata"]["namespace"] in spaces and selects(spec["selector"], labels_of(pod))
