"""Nodes: there, ready, labelled and tainted as planned, with their GPUs and EFA interfaces. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.aws.nodes.plan import HEALTH_LABEL, INSTANCE_GROUP_LABEL, NODEGROUP_LABEL, POOL_LABEL, SYSTEM_POOL
from components.facts.instances import Instance
from components.rules import Severity
from components.words import count
from infra.doctor.check import Symptom, check
from infra.doctor.expected import Expected
from infra.doctor.observed import EFA, GPU, Cluster, Node

NODES = ("node",)
HEALTHY = "Schedulable"
DEEP_CHECK_LABEL = "sagemaker.amazonaws.com/deep-health-check-status"
FAULT_LABEL = "sagemaker.amazonaws.com/fault-types"
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


@dataclass(frozen=True, slots=True)
class Pool:
    """A node pool as planned: GPU pools and the system pool alike. `needed` are the nodes that models take."""

    name: str
    nodes: int
    needed: int
    labels: Mapping[str, str]
    taints: frozenset[tuple[str, str, str]]
    instance: Instance
    gpus: int
    efa: int


def pools(expected: Expected) -> Iterator[Pool]:
    """The pools of a plan."""
    system = expected.plan.system_pool
    yield Pool(SYSTEM_POOL, system.nodes, 1, system.labels, frozenset(), system.instance, 0, 0)
    for pool in expected.plan.pools:
        taints = frozenset((taint.key, taint.value or "", str(taint.effect)) for taint in pool.taints)
        used = expected.plan.nodes_used(pool)
        yield Pool(
            pool.name, pool.nodes, used, pool.labels, taints, pool.instance, pool.gpus_per_node, pool.efa_per_node
        )


def nodes_of(pool: Pool, cluster: Cluster) -> list[Node]:
    """The nodes that belong to a pool, by our own label or by the one of the service that made them."""
    keys = (POOL_LABEL, INSTANCE_GROUP_LABEL, NODEGROUP_LABEL)
    return [node for node in cluster.nodes if any(node.labels.get(key) == pool.name for key in keys)]


def usable(node: Node) -> bool:
    """Whether new pods may land on it: ready, not cordoned, and not held back by HyperPod's health checks."""
    return node.ready == "True" and not node.cordoned and node.labels.get(HEALTH_LABEL, HEALTHY) == HEALTHY


@check("nodes.missing", page="lost-node.md", reads=NODES)
def a_pool_has_fewer_nodes_than_planned(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A pool has fewer nodes than planned."""
    for pool in pools(expected):
        there = len(nodes_of(pool, cluster))
        if there < pool.nodes:
            short = there < pool.needed
            need = f"its models need {pool.needed}" if pool.name != SYSTEM_POOL else "the operators run there"
            yield Symptom(
                f"pool {pool.name}",
                f"{count(there, 'node')} of {pool.nodes}; {need}",
                "look whether the node group or instance group is still growing or has no capacity",
                severity=Severity.ERROR if short else Severity.WARNING,
            )


@check("nodes.not-ready", page="lost-node.md", reads=NODES)
def a_node_is_not_ready(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A node is not Ready, or its kubelet has fallen silent."""
    for node in cluster.nodes:
        if node.ready == "Unknown":
            held = [pod.name for pod in cluster.pods if pod.node == node.name and pod.deleted]
            marked = any(key == _OUT_OF_SERVICE for key, _, _ in node.taints)
            stuck = f"; {count(len(held), 'pod')} cannot end there: {', '.join(held)}" if held else ""
            yield Symptom(
                f"node {node.name}",
                f"its kubelet is silent{stuck}",
                "wait for the pod garbage collector"
                if marked
                else f"once it is certain that the machine is off: kubectl taint nodes {node.name} "
                f"{_OUT_OF_SERVICE}=nodeshutdown:NoExecute",
            )
        elif node.ready != "True":
            yield Symptom(f"node {node.name}", "is not Ready", f"kubectl describe node {node.name}")


@check("nodes.labels", page="pending-pods.md", reads=NODES)
def a_node_lacks_a_label_or_taint(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A node lacks a label or a taint of its pool, so that pods do not find it or others take its room."""
    for pool in pools(expected):
        for node in nodes_of(pool, cluster):
            for key, value in pool.labels.items():
                found = node.labels.get(key)
                if key != HEALTH_LABEL and found != value:
                    seen = f"label {key} is {found}" if found is not None else f"lacks the label {key}"
                    yield Symptom(
                        f"node {node.name}",
                        f"{seen}; pool {pool.name} has {value}",
                        "replace the node: labels are set when it joins",
                    )
            for key, value, effect in sorted(pool.taints - node.taints):
                yield Symptom(
                    f"node {node.name}",
                    f"lacks the taint {key}={value}:{effect} of pool {pool.name}: other pods may take its room",
                    f"kubectl taint nodes {node.name} {key}={value}:{effect}",
                    severity=Severity.WARNING,
                )


@check("nodes.health", page="node-replaced.md", reads=NODES, severity=Severity.WARNING)
def hyperpod_holds_a_node_back(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """HyperPod's health checks hold a node back, or are about to replace or reboot it."""
    for node in cluster.nodes:
        status = node.labels.get(HEALTH_LABEL, HEALTHY)
        if status != HEALTHY:
            details = [
                f"{key.rpartition('/')[2]} {node.labels[key]}"
                for key in (DEEP_CHECK_LABEL, FAULT_LABEL)
                if key in node.labels
            ]
            yield Symptom(
                f"node {node.name}",
                ", ".join([f"node-health-status is {status}", *details]),
                "let HyperPod finish; it replaces or reboots the node by itself where nodeRecovery is Automatic",
            )


@check("nodes.cordoned", page="drain-blocked.md", reads=NODES, severity=Severity.WARNING)
def a_node_is_cordoned(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A node takes no new pods since somebody cordoned it."""
    for node in cluster.nodes:
        if node.cordoned and not node.leaving:
            yield Symptom(f"node {node.name}", "is cordoned", f"after the work on it: kubectl uncordon {node.name}")


@check("nodes.faults", page="gpu-fault.md", reads=(*NODES, "event"), severity=Severity.WARNING)
def a_node_reports_a_fault(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A node reports a fault: pressure, a GPU with an Xid or ECC error, a network or storage fault."""
    for node in cluster.nodes:
        for name, message in node.faults:
            pressure = name.endswith("Pressure")
            yield Symptom(
                f"node {node.name}",
                f"{name}: {message}",
                f"kubectl describe node {node.name}",
                page="lost-node.md" if pressure else "",
                severity=Severity.ERROR if name == "AcceleratedHardwareReady" else None,
            )
    for event in cluster.events:
        if event.kind == "Node" and event.warning and ("xid" in event.message.lower() or "xid" in event.reason.lower()):
            yield Symptom(
                f"node {event.name}",
                f"{event.reason}: {event.message}",
                "see what the page says of this Xid",
                severity=Severity.ERROR,
            )


@check("devices.gpu", page="gpu-plugin.md", reads=NODES)
def a_node_offers_too_few_gpus(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A node offers fewer GPUs than its instance type has."""
    return _devices(expected, cluster, GPU, "the NVIDIA device plugin")


@check("devices.efa", page="efa-plugin-crash.md", reads=NODES)
def a_node_offers_too_few_efa_interfaces(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A node offers fewer EFA interfaces than its instance type has."""
    return _devices(expected, cluster, EFA, "the EFA device plugin")


def _devices(expected: Expected, cluster: Cluster, resource: str, plugin: str) -> Iterator[Symptom]:
    for pool in pools(expected):
        wanted = pool.gpus if resource == GPU else pool.efa
        for node in nodes_of(pool, cluster):
            there = node.devices.get(resource, 0)
            if node.ready == "True" and there < wanted:
                yield Symptom(
                    f"node {node.name}",
                    f"offers {there} of the {wanted} {resource} of {pool.instance.name}",
                    f"look at the pod of {plugin} on this node" if there == 0 else "a device is lost: replace the node",
                    page="gpu-fault.md" if there and resource == GPU else "",
                )
