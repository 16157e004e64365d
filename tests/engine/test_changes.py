"""One field changes: the smallest difference, and nothing that holds state or capacity is replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.conftest import Deployed
from tests.engine.result import Result, Step
from tests.engine.stack import EngineStack

Fields = list[tuple[str, Any]]

PRECIOUS = ("Cluster", "LustreFileSystem", "NodeGroup", "Vpc", "Subnet", "kubernetes", "aws", "aws-native")
"""What no change of these may replace: clusters, file systems, node groups, networks, providers (by their names)."""

OWN_IMAGE: Fields = [
    ("models[0].engine.image.repository", "123456789012.dkr.ecr.us-east-1.amazonaws.com/sglang"),
    ("models[0].engine.image.tag", "0.5.17-own"),
    ("models[0].engine.image.efaCapable", True),
]
ANOTHER = {
    "name": "second",
    "model": "Qwen/Qwen3-4B",
    "nodePool": "g6",
    "nodesPerGroup": 2,
    "parallelism": {"tensor": 4, "pipeline": 2},
    "contextLength": 32768,
}

OTHER_MODEL = {"name": "second", "model": "Qwen/Qwen3-30B-A3B-Instruct-2507", "replicas": 1}


def made_with(model: str) -> set[str]:
    """What comes and goes with a model of one node per group."""
    return {
        f"Model {model}",
        f"WeightsPrefetch {model}-weights",
        f"LeaderWorkerSet {model}-serve",
        f"Job {model}-weights-job",
        f"ConfigMap {model}-weights-script",
        f"NetworkPolicy {model}-weights-egress",
        f"NetworkPolicy {model}-serve-api",
        f"PodDisruptionBudget {model}-serve-budget",
        f"PodMonitor engine-monitors-{model}",
        f"PrometheusRule alerts-model-{model}",
        f"Service {model}-service",
    }


OVERVIEW = "update ConfigMap monitoring-sglang-overview"
"""It shows what a token costs: the nodes that models take are in it."""
CAPACITY = "update ConfigMap monitoring-sglang-capacity"
"""It holds the nodes that are wanted against those that are there."""
SHIPPER = "update Release logs-fluent-bit"
"""It knows models by their pods' names."""


def each(op: str, what: set[str]) -> set[str]:
    return {f"{op} {one}" for one in what}


DEV: dict[str, tuple[Fields, set[str]]] = {
    "replicas, with nodes for them": (
        [("models[0].replicas", 2), ("nodePools[0].nodes", 4)],
        {"update NodeGroup g6-group", "update LeaderWorkerSet qwen3-8b-serve", OVERVIEW, CAPACITY},
    ),
    "engine flag": ([("models[0].arguments", {"schedule-policy": "lpm"})], {"update LeaderWorkerSet qwen3-8b-serve"}),
    "image": (
        OWN_IMAGE,
        {"update ValidatingAdmissionPolicy inference-policy", "update LeaderWorkerSet qwen3-8b-serve"},
    ),
    "node count": ([("nodePools[0].nodes", 3)], {"update NodeGroup g6-group", CAPACITY}),
    "system node count": ([("systemPool.nodes", 4)], {"update NodeGroup system-pool-group", CAPACITY}),
    "root volume": (
        [("nodePools[0].rootVolumeGiB", 200)],
        {"update LaunchTemplate g6-template", "update NodeGroup g6-group"},
    ),
    "another node pool": (
        [("nodePools", lambda pools: [*pools, {**pools[0], "name": "more", "nodes": 1}])],
        {
            CAPACITY,
            "create EksNodePool more",
            "create Role more-role",
            "create LaunchTemplate more-template",
            "create NodeGroup more-group",
            "create RolePolicyAttachment more-AmazonEKSWorkerNodePolicy",
            "create RolePolicyAttachment more-AmazonEKS_CNI_Policy",
            "create RolePolicyAttachment more-AmazonEC2ContainerRegistryPullOnly",
        },
    ),
    "another model, with nodes for it": (
        [("models", lambda models: [*models, ANOTHER]), ("nodePools[0].nodes", 4)],
        {
            "update NodeGroup g6-group",
            "create NetworkPolicy second-serve-group",
            OVERVIEW,
            CAPACITY,
            *each("create", made_with("second")),
        },
    ),
    "chart of the EFA plugin": ([("platform.efa.chartVersion", "v0.5.29")], {"update Release efa-release"}),
    "file system's throughput": (
        [("fileSystem.throughputPerTiB", 500)],
        {"update LustreFileSystem weights-file-system"},
    ),
    "file system's capacity": (
        [("fileSystem.storageCapacityGiB", 2400)],
        {"update LustreFileSystem weights-file-system", "update PersistentVolume weights-volume-volume"},
    ),
    "Kubernetes minor": (
        [("cluster.kubernetesVersion", "1.35")],
        {
            "update Cluster cluster-eksCluster",
            "update NodeGroup system-pool-group",
            "update NodeGroup g6-group",
            "update Addon cluster-kube-proxy",
            "update Addon cluster-eks-pod-identity-agent",
            "update Addon addons-coredns",
            "update Addon addons-metrics-server",
            "update Addon addons-aws-ebs-csi-driver",
        },
    ),
    "add-on": ([("cluster.addons.coredns.version", "v1.13.2-eksbuild.99")], {"update Addon addons-coredns"}),
    "chart of the LeaderWorkerSet controller": (
        [("platform.lws.chartVersion", "0.10.1"), ("platform.lws.imageTag", "v0.10.1")],
        {"update Release lws-release"},
    ),
    "chart of monitoring": ([("monitoring.chartVersion", "88.5.4")], {"update Release monitoring-release"}),
    "threshold of an alert": (
        [("monitoring.alerts.thresholds", {"kvCacheRatio": 0.9})],
        {"update PrometheusRule alerts-load"},
    ),
    "an alert less": ([("monitoring.alerts.disabled", ["GpusIdle"])], {"update PrometheusRule alerts-gpu"}),
    "a NAT gateway in each zone": (
        [("network.nat", "perZone")],
        {
            "create Eip network-nat-use1-az6-address",
            "create NatGateway network-nat-use1-az6",
            "update Route network-private-use1-az6-default",
        },
    ),
}

PROD: dict[str, tuple[Fields, set[str]]] = {
    "replicas": ([("models[1].replicas", 1)], {"update LeaderWorkerSet qwen3-30b-serve", OVERVIEW}),
    "engine flag": (
        [("models[0].arguments", {"schedule-policy": "lpm"})],
        {"update LeaderWorkerSet deepseek-r1-serve"},
    ),
    "image": (
        OWN_IMAGE,
        {"update ValidatingAdmissionPolicy inference-policy", "update LeaderWorkerSet deepseek-r1-serve"},
    ),
    "node count": ([("nodePools[0].nodes", 6)], {"update Cluster hyperpod-cluster", CAPACITY}),
    "another instance group": (
        [("nodePools", lambda pools: [*pools, {**pools[1], "name": "more", "nodes": 1}])],
        {"update Cluster hyperpod-cluster", CAPACITY},
    ),
    "another model, with nodes for it": (
        [
            ("models", lambda models: [*models, {**models[1], **OTHER_MODEL}]),
            ("nodePools[1].nodes", 3),
        ],
        {"update Cluster hyperpod-cluster", OVERVIEW, CAPACITY, SHIPPER, *each("create", made_with("second"))},
    ),
    "a model less": (
        [("models", lambda models: models[:1])],
        {OVERVIEW, CAPACITY, SHIPPER, *each("delete", made_with("qwen3-30b"))},
    ),
    "file system's capacity": (
        [("fileSystem.storageCapacityGiB", 9600)],
        {"update LustreFileSystem weights-file-system", "update PersistentVolume weights-volume-volume"},
    ),
    "chart of the EFA plugin": ([("platform.efa.chartVersion", "v0.5.29")], {"update Release efa-release"}),
    "add-on": ([("cluster.addons.vpcCni.version", "v1.22.4-eksbuild.99")], {"update Addon cluster-vpc-cni"}),
    "chart of KEDA": ([("platform.keda.chartVersion", "2.20.3")], {"update Release keda-release"}),
}

CASES = [("dev", change) for change in DEV] + [("prod", change) for change in PROD]


def precious_stays(result: Result) -> None:
    lost = [step.short for step in result.changes if step.op in ("replace", "delete") and _kind(step.type) in PRECIOUS]
    assert lost == []


def without_dashboards(result: Result) -> list[Step]:
    return [step for step in result.changes if step.short not in (OVERVIEW, CAPACITY)]


def _kind(type: str) -> str:
    return type.rsplit(":", 1)[-1]


@pytest.mark.parametrize(("name", "change"), CASES, ids=[f"{name}: {change}" for name, change in CASES])
def test_the_smallest_difference(deployed: Callable[[str], Deployed], name: str, change: str):
    fields, expected = (DEV if name == "dev" else PROD)[change]
    preview = deployed(name).stack.previewed_with(*fields)
    assert preview.ok, preview.errors()
    assert {step.short for step in preview.changes} == expected
    precious_stays(preview)


def test_an_instance_group_is_added_to_the_others(deployed: Callable[[str], Deployed]):
    fields, _ = PROD["another instance group"]
    (step,) = without_dashboards(deployed("prod").stack.previewed_with(*fields))
    assert step.diff == ("instanceGroups[2]",)


def test_a_node_count_changes_that_field_only(deployed: Callable[[str], Deployed]):
    (step,) = without_dashboards(deployed("prod").stack.previewed_with(("nodePools[0].nodes", 6)))
    assert step.diff == ("instanceGroups[0].instanceCount",)


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_is_previewed_is_what_happens(clone: Callable[[str], EngineStack], name: str):
    """A model and its nodes come, then go; everything else stays as it was."""
    stack = clone(name)
    before = set(stack.resources())
    fields = (DEV if name == "dev" else PROD)["another model, with nodes for it"][0]
    kept = stack.config["config"]["sglang-hyperpod:models"], stack.config["config"]["sglang-hyperpod:nodePools"]
    for path, value in fields:
        stack.set(path, value)
    preview, up = stack.preview(), stack.up()
    assert up.ok, up.errors()
    assert {step.short for step in up.changes} == {step.short for step in preview.changes}
    stack.set("models", kept[0])
    back = stack.up()
    assert back.ok, back.errors()
    assert set(stack.resources()) == before
