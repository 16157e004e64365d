"""Rules over node pools that need the substrate or the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.aws.nodes.plan import pod_budget
from components.aws.nodes.settings import EKS_ONLY, HYPERPOD_ONLY, CapacityKind, NodePool
from components.facts.instances import ec2_name, find_instance
from components.facts.regions import SOURCE, regions_with
from components.rules import Finding, RuleSet, Severity, join
from components.words import count
from infra.plan.pools import node_daemons
from infra.rules.serving import located

if TYPE_CHECKING:
    from components.serving.roles import Role
    from infra.settings.stack import StackSettings

rules = RuleSet("")

CAPACITY: Final = {
    "eks": {
        CapacityKind.ON_DEMAND,
        CapacityKind.SPOT,
        CapacityKind.CAPACITY_RESERVATION,
        CapacityKind.CAPACITY_BLOCK,
    },
    "hyperpod": {CapacityKind.ON_DEMAND, CapacityKind.SPOT, CapacityKind.TRAINING_PLAN},
}
"""Kinds of capacity by substrate: reservations of EC2 have no effect on HyperPod, training plans none elsewhere."""


@rules.rule("nodes.prefix", source="CloudFormation schema of AWS::SageMaker::Cluster: InstanceType is ml.*")
def types_are_named_for_the_substrate(settings: StackSettings) -> Iterator[Finding]:
    """`ml.p5.48xlarge` on HyperPod is `p5.48xlarge` on EKS."""
    hyperpod = settings.cluster.substrate == "hyperpod"
    for at, pool in enumerate(settings.node_pools):
        name = ec2_name(pool.instance_type)
        right = f"ml.{name}" if hyperpod else name
        if pool.instance_type != right and find_instance(name):
            yield Finding(
                f"nodePools[{at}].instanceType",
                f"{pool.instance_type} is not how substrate {settings.cluster.substrate} calls it",
                f"use {right}",
            )


@rules.rule("nodes.region", source=SOURCE)
def types_exist_in_the_region(settings: StackSettings) -> Iterator[Finding]:
    """HyperPod has each type in some regions only."""
    if settings.cluster.substrate != "hyperpod":
        return
    for at, pool in enumerate(settings.node_pools):
        elsewhere = regions_with(pool.instance_type)
        if elsewhere and settings.region not in elsewhere:
            yield Finding(
                f"nodePools[{at}].instanceType",
                f"HyperPod has no {pool.instance_type} in {settings.region}",
                f"another type, or one of {', '.join(elsewhere)}",
            )


@rules.rule("nodes.region-unlisted", source=SOURCE, severity=Severity.WARNING)
def types_are_listed_somewhere(settings: StackSettings) -> Iterator[Finding]:
    """A type that no region lists is to be had by arrangement only."""
    if settings.cluster.substrate != "hyperpod":
        return
    for at, pool in enumerate(settings.node_pools):
        if find_instance(pool.instance_type) and not regions_with(pool.instance_type):
            yield Finding(
                f"nodePools[{at}].instanceType",
                f"no region lists {pool.instance_type} for HyperPod",
                "ask your AWS account team before deploying, or use a listed type",
            )


@rules.rule(
    "nodes.capacity-substrate",
    source="CloudFormation schema of AWS::SageMaker::Cluster: CapacityRequirements; EC2 CapacityReservationTarget",
)
def capacity_exists_on_the_substrate(settings: StackSettings) -> Iterator[Finding]:
    """A kind of capacity that the substrate lacks would be ignored, or refused, after everything else is built."""
    kinds = CAPACITY.get(settings.cluster.substrate)
    for at, pool in enumerate(settings.node_pools):
        if kinds and pool.capacity.kind not in kinds:
            yield Finding(
                f"nodePools[{at}].capacity.kind",
                f"{pool.capacity.kind} has no effect on substrate {settings.cluster.substrate}",
                f"one of {', '.join(sorted(kinds))}",
            )


@rules.rule("nodes.substrate-fields", source="CloudFormation schema of AWS::SageMaker::Cluster; EKS CreateNodegroup")
def fields_mean_something_on_the_substrate(settings: StackSettings) -> Iterator[Finding]:
    """A field of the other substrate would be passed over in silence."""
    foreign = {"eks": HYPERPOD_ONLY, "hyperpod": EKS_ONLY}.get(settings.cluster.substrate, ())
    for at, pool in enumerate(settings.node_pools):
        for field in foreign:
            if field in pool.model_fields_set:
                name = NodePool.model_fields[field].alias or field
                yield Finding(
                    f"nodePools[{at}].{name}",
                    f"{name} has no effect on substrate {settings.cluster.substrate}",
                    f"leave {name} out",
                )


@rules.rule("nodes.pod-budget", source="components/facts/instances.py; awslabs/ai-on-sagemaker-hyperpod#142")
def nodes_hold_their_pods(settings: StackSettings) -> Iterator[Finding]:
    """A node's daemons and engines fit the pods that it may run."""
    substrate = "hyperpod" if settings.cluster.substrate == "hyperpod" else "eks"
    for at, pool in enumerate(settings.node_pools):
        kind = find_instance(pool.instance_type)
        if kind is None or not kind.gpus:
            continue
        budget = pod_budget(kind, substrate, node_daemons(settings))
        engines = max(
            (_engines(role, kind.gpus) for _, role in located(settings) if role.node_pool == pool.name), default=1
        )
        if budget.free < engines:
            yield Finding(
                f"nodePools[{at}].instanceType",
                f"a {pool.instance_type} runs {budget.max_pods} pods on {substrate}; {len(budget.daemons)} are daemons "
                f"and {engines} would be engines",
                "use a larger size of the family, whose interfaces have more addresses",
            )


@rules.rule(
    "nodes.spot",
    source='SageMaker HyperPod guide, "Spot instances"; EC2 spot interruption notices',
    severity=Severity.WARNING,
)
def groups_do_not_span_spot_nodes(settings: StackSettings) -> Iterator[Finding]:
    """Each interrupted spot node takes its whole group down, so that groups over several are down more often."""
    spot = {pool.name for pool in settings.node_pools if pool.capacity.kind is CapacityKind.SPOT}
    for at, role in located(settings):
        nodes = role.settings.nodes_per_group
        if role.node_pool in spot and nodes > 1:
            yield Finding(
                join(at, role.path("nodePool")),
                f"{role.node_pool} is spot: any of a group's {nodes} nodes can go at short notice, "
                "and the group with it",
                "use onDemand or reserved capacity for groups over several nodes",
            )


@rules.rule("nodes.unused", source="GPU nodes are paid from the minute they exist", severity=Severity.WARNING)
def pools_are_used(settings: StackSettings) -> Iterator[Finding]:
    """A pool that serves nothing still costs."""
    used = {role.node_pool for _, role in located(settings)}
    if used - {pool.name for pool in settings.node_pools} - {None}:
        # A slip in a model's nodePool is told by serving.pool; the pool that was meant is not unused.
        return
    for at, pool in enumerate(settings.node_pools):
        if pool.nodes and pool.name not in used:
            yield Finding(
                f"nodePools[{at}]",
                f"no model runs on {pool.name}, "
                f"and its {count(pool.nodes, 'node is', 'nodes are')} paid for all the same",
                "set nodes: 0, or give a model nodePool: " + pool.name,
            )


def _engines(role: Role, gpus: int) -> int:
    packing = role.settings.packing
    return gpus // packing.gpus_per_pod if packing else 1
