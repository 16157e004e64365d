"""GPU pods reach their nodes and ask for what those have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.rules import Finding
from infra.policy.check import CheckSet, Found
from infra.policy.pools import LAUNCH_TEMPLATE, NODE_GROUP, Pool, pools, visible
from infra.policy.resource import Stack
from infra.policy.values import at, items, known, mapping, text
from infra.policy.workloads import EFA, GPU, GROUPS, Pod, pods

gpu = CheckSet()

_INSTANCES = "components/facts/instances.py"


def _gpu_pods(stack: Stack) -> Iterator[Pod]:
    """The pods that ask for GPUs; every rank of a group does."""
    for resource in stack.resources:
        for pod in pods(resource):
            if pod.resource.type in GROUPS or pod.asks(GPU):
                yield pod


def _selected(pod: Pod, found: list[Pool]) -> list[Pool]:
    selector = pod.spec.get("nodeSelector")
    if not isinstance(selector, Mapping):
        return []
    return [pool for pool in found if pool.gpus and pool.answers(selector)]


@gpu.check("gpu.selects-pool", source="components/aws/nodes/plan.py: node_selector")
def gpu_pods_select_their_pool(stack: Stack) -> Iterator[Found]:
    """A GPU pod selects exactly one pool of GPU nodes that exists."""
    found = pools(stack)
    for pod in _gpu_pods(stack):
        selector = pod.spec.get("nodeSelector")
        chosen = _selected(pod, found)
        if len(chosen) == 1 or not known(selector) or not (chosen or visible(stack)):
            continue
        names = ", ".join(pool.name for pool in found if pool.gpus) or "none"
        wanted = ", ".join(f"{key}: {value}" for key, value in mapping(selector).items()) or "nothing"
        matched = ", ".join(pool.name for pool in chosen) or "no GPU pool"
        yield (
            pod.resource,
            Finding(f"{pod.path}.nodeSelector", f"{wanted} selects {matched}", f"select one of: {names}"),
        )


@gpu.check("gpu.tolerates-pool", source="components/aws/nodes/plan.py: tolerations come from the taints")
def gpu_pods_tolerate_their_pool(stack: Stack) -> Iterator[Found]:
    """A GPU pod tolerates every taint of the pool that it selects."""
    found = pools(stack)
    for pod in _gpu_pods(stack):
        if not known(pod.spec.get("tolerations")):
            continue
        tolerations = [mapping(toleration) for toleration in items(pod.spec.get("tolerations"))]
        for pool in _selected(pod, found):
            for taint in pool.taints:
                if not any(_tolerates(toleration, taint) for toleration in tolerations):
                    written = f"{taint.get('key')}={taint.get('value')}:{taint.get('effect')}"
                    yield (
                        pod.resource,
                        Finding(
                            f"{pod.path}.tolerations",
                            f"pool {pool.name} is tainted {written}, which is not tolerated: no pod ever lands there",
                            f"tolerate {written}",
                        ),
                    )


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Kubernetes' own match of a toleration and a taint; an unknown part of either matches."""
    if taint.get("effect") == "PreferNoSchedule" or not all(map(known, (*toleration.values(), *taint.values()))):
        return True
    key, effect = toleration.get("key"), toleration.get("effect")
    if effect not in (None, "", taint.get("effect")) or key not in (None, "", taint.get("key")):
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


@gpu.check("gpu.count", source=_INSTANCES)
def gpu_pods_share_their_node_evenly(stack: Stack) -> Iterator[Found]:
    """A pod takes all GPUs of its node, or a divisor of them in a group of one node."""
    for pod, pool, asked in _asking(stack, GPU):
        whole = pool.gpus
        fits = asked == whole or (pod.group in (1, None) and 0 < asked < whole and whole % asked == 0)
        if not fits:
            yield (
                pod.resource,
                Finding(
                    f"{pod.path}.containers[0].resources.limits[{GPU}]",
                    f"{asked} GPUs a pod on nodes of {whole} ({pool.name})",
                    f"ask for {whole}" if pod.group != 1 else f"ask for {whole}, or for a divisor of it",
                ),
            )


@gpu.check("gpu.efa-count", source=_INSTANCES)
def gpu_pods_ask_for_the_efa_of_their_node(stack: Stack) -> Iterator[Found]:
    """Ranks of groups over several nodes ask for every EFA interface of theirs; pods that share a node ask for none."""
    for pod, pool, asked in _asking(stack, EFA):
        there, gpus = pool.instance.efa_interfaces if pool.instance else 0, pod.asks(GPU)
        if pod.group is None or gpus is None:
            continue
        shared = gpus < pool.gpus
        allowed = {there} if pod.group > 1 else {0} if shared else {0, there}
        if asked not in allowed:
            why = "a group of several nodes" if pod.group > 1 else "a shared node" if shared else "a node of its own"
            yield (
                pod.resource,
                Finding(
                    f"{pod.path}.containers[0].resources.limits[{EFA}]",
                    f"{asked} EFA interfaces for {why} in pool {pool.name}, whose nodes have {there}",
                    f"ask for {' or '.join(map(str, sorted(allowed)))}",
                ),
            )


def _asking(stack: Stack, device: str) -> Iterator[tuple[Pod, Pool, int]]:
    """GPU pods with the one pool that each selects and how many of a device it asks for, where all of that is known."""
    found = pools(stack)
    for pod in _gpu_pods(stack):
        chosen, asked = _selected(pod, found), pod.asks(device)
        if len(chosen) == 1 and asked is not None:
            yield pod, chosen[0], asked


@gpu.check("gpu.efa-interfaces", source=f"{_INSTANCES}; EC2 user guide, EFA: one interface per network card")
def efa_nodes_have_their_interfaces(stack: Stack) -> Iterator[Found]:
    """The launch template of a node group whose pods ask for EFA has every EFA interface of its type."""
    wanted = {pool.resource.urn: pool for _, pool, asked in _asking(stack, EFA) if asked}
    for pool in wanted.values():
        if pool.resource.type != NODE_GROUP or pool.instance is None:
            continue
        for template in stack.behind(pool.resource, "launchTemplate"):
            interfaces = template.props.get("networkInterfaces")
            if template.type != LAUNCH_TEMPLATE or not known(interfaces):
                continue
            kinds = [at(interface, "interfaceType") for interface in items(interfaces)]
            there = sum(not known(kind) or (text(kind) or "").startswith("efa") for kind in kinds)
            if there != pool.instance.efa_interfaces:
                yield (
                    template,
                    Finding(
                        "networkInterfaces",
                        f"{there} EFA interfaces; {pool.instance.name} of pool {pool.name} has "
                        f"{pool.instance.efa_interfaces}, and its pods ask for them",
                        f"give the template {pool.instance.efa_interfaces} interfaces of type efa or efa-only",
                    ),
                )
