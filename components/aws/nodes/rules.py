"""Rules over one node pool, and over the system pool. What also needs other sections is in `infra.rules.nodes`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from components.aws.nodes.plan import SYSTEM_PODS, plan_system_pool
from components.aws.nodes.settings import CapacityKind, NodePool, SystemPoolSettings
from components.facts.instances import UnknownInstance, find_instance, instance
from components.rules import Finding, RuleSet, Severity
from components.settings import NodeLabels
from components.words import count

rules = RuleSet("nodePools")
system_rules = RuleSet("systemPool")

CFN: Final = "CloudFormation schema of AWS::SageMaker::Cluster"
RESERVED_CAPACITY: Final = "SageMaker documentation of training plans: instances go from 30 minutes before the end"
RESERVED_LABELS: Final = re.compile(
    r"^([a-z0-9.-]+\.)?(kubernetes\.io|k8s\.io|amazonaws\.com|k8s\.aws)/|^sglang-hyperpod/"
)
"""Label and taint prefixes that Kubernetes, AWS or this stack set themselves; kubelet refuses some of them."""

_TAINT_KEY = re.compile(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
)
_TAINT_VALUE = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
_TRAINING_PLAN = re.compile(r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:training-plan/.+$")
_RESERVATIONS = (CapacityKind.CAPACITY_RESERVATION, CapacityKind.CAPACITY_BLOCK)
_ENDING = (CapacityKind.CAPACITY_BLOCK, CapacityKind.TRAINING_PLAN)


def _unknown(instance_type: str) -> Iterator[Finding]:
    try:
        instance(instance_type)
    except UnknownInstance as unknown:
        fix = f"did you mean {' or '.join(unknown.close)}?" if unknown.close else "use a type of the instance table"
        why = f": {unknown.why}" if unknown.why else ""
        yield Finding("instanceType", f"{instance_type} is not an instance type that this stack knows{why}", fix)


def _foreign(instance_type: str) -> Iterator[Finding]:
    kind = find_instance(instance_type)
    if kind and kind.architecture != "x86_64":
        yield Finding(
            "instanceType",
            f"{instance_type} is {kind.architecture}, but engine and operator images are built for x86_64",
            "use an x86_64 type",
        )


def _reserved(labels: NodeLabels) -> Iterator[Finding]:
    for key in labels:
        if RESERVED_LABELS.match(key):
            yield Finding(
                f"labels.{key}",
                f"the prefix of {key} belongs to Kubernetes, AWS or this stack",
                "use a prefix of your own, e.g. example.com/",
            )


@rules.rule("nodes.instance", source="components/facts/instances.py")
def pool_type_is_known(pool: NodePool) -> Iterator[Finding]:
    """The instance type is in the table, or nothing about its GPUs, EFA and pods could be planned."""
    yield from _unknown(pool.instance_type)


@rules.rule("nodes.gpu", source="components/facts/instances.py")
def pool_has_gpus(pool: NodePool) -> Iterator[Finding]:
    """A node pool is for GPUs; CPU work goes to the system pool."""
    kind = find_instance(pool.instance_type)
    if kind and kind.gpus == 0:
        yield Finding(
            "instanceType",
            f"{pool.instance_type} has no GPU, and everything without GPUs runs on the system pool",
            "use a GPU type, or make systemPool larger",
        )


@rules.rule("nodes.architecture", source="aws/sagemaker-hyperpod-cli inference-operator: affinity to amd64")
def pool_is_x86(pool: NodePool) -> Iterator[Finding]:
    """Images are built for x86_64; a mixed cluster leaves amd64-only operators pending."""
    yield from _foreign(pool.instance_type)


@rules.rule("nodes.capacity", source=f"{CFN}: TrainingPlanArn; EC2 CapacityReservationTarget")
def capacity_names_its_source(pool: NodePool) -> Iterator[Finding]:
    """A reservation needs its id, a training plan its ARN, and the rest neither."""
    kind, where = pool.capacity.kind, pool.capacity
    if kind in _RESERVATIONS and where.id is None:
        yield Finding("capacity.id", f"kind {kind} needs the id of what was reserved", "set id: cr-...")
    if kind not in _RESERVATIONS and where.id is not None:
        yield Finding("capacity.id", f"kind {kind} takes no id", "leave id out, or set kind: capacityReservation")
    if kind is CapacityKind.TRAINING_PLAN and not _TRAINING_PLAN.match(where.arn or ""):
        seen = f"{where.arn} is not one" if where.arn else "there is none"
        yield Finding(
            "capacity.arn",
            f"kind trainingPlan needs the plan's ARN, and {seen}",
            "set arn: arn:aws:sagemaker:REGION:ACCOUNT:training-plan/NAME",
        )
    if kind is not CapacityKind.TRAINING_PLAN and where.arn is not None:
        yield Finding("capacity.arn", f"kind {kind} takes no ARN", "leave arn out, or set kind: trainingPlan")


@rules.rule("nodes.capacity-end-unused", source=RESERVED_CAPACITY)
def only_dated_capacity_ends(pool: NodePool) -> Iterator[Finding]:
    """Only capacity blocks and training plans end at a date."""
    if pool.capacity.ends_at and pool.capacity.kind not in _ENDING:
        yield Finding("capacity.endsAt", f"kind {pool.capacity.kind} does not end at a date", "leave endsAt out")


@rules.rule("nodes.capacity-end", source=RESERVED_CAPACITY, severity=Severity.WARNING)
def dated_capacity_says_when_it_ends(pool: NodePool) -> Iterator[Finding]:
    """Without the end date nobody is told when the nodes will go."""
    if pool.capacity.kind in _ENDING and pool.capacity.ends_at is None:
        yield Finding(
            "capacity.endsAt",
            f"a {pool.capacity.kind} takes its nodes away from 30 minutes before its end, and the end is not given",
            "set endsAt, e.g. endsAt: 2026-12-31T11:30:00Z",
        )


@rules.rule("nodes.min-nodes", source=f"{CFN}: MinInstanceCount")
def minimum_is_within_the_pool(pool: NodePool) -> Iterator[Finding]:
    """A group cannot wait for more nodes than it has."""
    if pool.min_nodes is not None and pool.min_nodes > pool.nodes:
        yield Finding("minNodes", f"minNodes {pool.min_nodes} is more than nodes {pool.nodes}", f"at most {pool.nodes}")


@rules.rule(
    "nodes.labels",
    source='kubernetes.io: well-known labels; SageMaker HyperPod guide, "Resilience-related Kubernetes labels"',
)
def labels_are_the_users_own(pool: NodePool) -> Iterator[Finding]:
    """Label prefixes of Kubernetes, AWS and this stack are taken."""
    yield from _reserved(pool.labels)


@rules.rule("nodes.labels-count", source=f"{CFN}: KubernetesConfig, 50 labels")
def labels_leave_room(pool: NodePool) -> Iterator[Finding]:
    """An instance group carries 50 labels, one of them ours."""
    if len(pool.labels) > 49:
        yield Finding("labels", f"{len(pool.labels)} labels, and one is the stack's own", "at most 49")


@rules.rule("nodes.taints", source=f"{CFN}: ClusterKubernetesTaint")
def taints_can_be_set(pool: NodePool) -> Iterator[Finding]:
    """Taints have a key and a value that AWS takes, no prefix of AWS, and no twin."""
    if len(pool.taints) > 50:
        yield Finding("taints", f"{len(pool.taints)} taints", "at most 50")
    for at, taint in enumerate(pool.taints):
        if not _TAINT_KEY.match(taint.key):
            yield Finding(f"taints[{at}].key", f"{taint.key} is not a taint key", "e.g. nvidia.com/gpu")
        elif RESERVED_LABELS.match(taint.key):
            yield Finding(f"taints[{at}].key", f"{taint.key} belongs to Kubernetes or AWS", "use a key of your own")
        if not _TAINT_VALUE.match(taint.value):
            yield Finding(f"taints[{at}].value", f"{taint.value!r} is not a taint value", 'e.g. value: "true"')
    for (key, effect), times in Counter((taint.key, taint.effect) for taint in pool.taints).items():
        if times > 1:
            yield Finding("taints", f"{key} is there {times} times with effect {effect}", "keep one of them")


@rules.rule(
    "nodes.untainted",
    source='kubernetes.io, "Taints and Tolerations": nodes with special hardware',
    severity=Severity.WARNING,
)
def gpu_pool_is_tainted(pool: NodePool) -> Iterator[Finding]:
    """Pods without GPUs would fill GPU nodes."""
    if not any(taint.effect in ("NoSchedule", "NoExecute") for taint in pool.taints):
        yield Finding(
            "taints",
            f"no taint keeps pods without GPUs off {pool.instance_type}",
            "leave taints out (nvidia.com/gpu=true:NoSchedule), or give one with NoSchedule",
        )


@rules.rule("nodes.threads", source=f"{CFN}: ThreadsPerCore", severity=Severity.WARNING)
def hyperthreading_is_on(pool: NodePool) -> Iterator[Finding]:
    """One thread a core halves the vCPUs that pods can ask for."""
    kind = find_instance(pool.instance_type)
    if kind and pool.threads_per_core == 1:
        yield Finding(
            "threadsPerCore",
            f"threadsPerCore 1 leaves {kind.vcpu // 2} of {kind.vcpu} vCPUs; pods sized for the type stay pending",
            "set threadsPerCore: 2",
        )


@rules.rule(
    "nodes.deep-health-checks",
    source='SageMaker HyperPod guide, "Deep health checks"; their length is inferred',
    severity=Severity.WARNING,
)
def deep_health_checks_keep_nodes_waiting(pool: NodePool) -> Iterator[Finding]:
    """Deep health checks hold back every new, replaced or updated node for an hour or more."""
    if pool.deep_health_checks:
        yield Finding(
            "deepHealthChecks",
            "each new, replaced or updated node is unschedulable for 60 to 90 minutes while it is tested",
            "leave them out and run StartClusterHealthCheck once, before serving",
        )


@rules.rule("nodes.deep-health-checks-list", source=f"{CFN}: OnStartDeepHealthChecks")
def deep_health_checks_make_sense(pool: NodePool) -> Iterator[Finding]:
    """No check twice, and no connectivity test of a single node."""
    checks = pool.deep_health_checks
    if len(set(checks)) < len(checks):
        yield Finding("deepHealthChecks", "a check is listed twice", "list each check once")
    if "InstanceConnectivity" in checks and pool.nodes < 2:
        yield Finding(
            "deepHealthChecks",
            f"InstanceConnectivity tests the network between nodes, and the pool has {pool.nodes}",
            "leave InstanceConnectivity out, or have two nodes",
        )


@rules.rule(
    "nodes.storage",
    source="awslabs/awsome-distributed-ai base-config/on_create_main.sh: images move to this disk",
    severity=Severity.WARNING,
)
def images_have_room(pool: NodePool) -> Iterator[Finding]:
    """Engine images unpack to tens of GB; a full disk evicts the engine."""
    if pool.storage_gib < 200:
        yield Finding(
            "storageGiB",
            f"{pool.storage_gib} GiB for images, logs and pod scratch fills with two versions of an engine image",
            "at least 200, better 500",
        )


@system_rules.rule("system.instance", source="components/facts/instances.py")
def system_type_is_known(pool: SystemPoolSettings) -> Iterator[Finding]:
    """The instance type is in the table."""
    yield from _unknown(pool.instance_type)


@system_rules.rule("system.prefix", source="EKS CreateNodegroup: instanceTypes are EC2's")
def system_type_is_ec2(pool: SystemPoolSettings) -> Iterator[Finding]:
    """The system pool is an EKS managed node group on every substrate."""
    if pool.instance_type.startswith("ml."):
        name = pool.instance_type.removeprefix("ml.")
        yield Finding(
            "instanceType", f"{pool.instance_type} is HyperPod's name, but the system pool is EC2", f"use {name}"
        )


@system_rules.rule("system.cpu", source="components/aws/nodes/plan.py: SYSTEM_PODS ask for no GPU")
def system_type_has_no_gpu(pool: SystemPoolSettings) -> Iterator[Finding]:
    """GPUs under CoreDNS and Prometheus are money for nothing."""
    kind = find_instance(pool.instance_type)
    if kind and kind.gpus:
        yield Finding(
            "instanceType", f"{pool.instance_type} has {count(kind.gpus, 'GPU')} that no system pod uses", "m7i.2xlarge"
        )


@system_rules.rule("system.architecture", source="aws/sagemaker-hyperpod-cli inference-operator: affinity to amd64")
def system_pool_is_x86(pool: SystemPoolSettings) -> Iterator[Finding]:
    """Some operators are built for amd64 only."""
    yield from _foreign(pool.instance_type)


@system_rules.rule(
    "system.nodes", source="components/aws/nodes/plan.py: SYSTEM_PODS run nowhere else", severity=Severity.WARNING
)
def system_pool_survives_a_lost_node(pool: SystemPoolSettings) -> Iterator[Finding]:
    """With one node, its loss or update takes DNS, the operators and monitoring with it."""
    if pool.nodes < 2:
        yield Finding("nodes", "one node: its loss or update stops DNS, operators and monitoring", "at least 2")


@system_rules.rule("system.labels", source="kubernetes.io: well-known labels")
def system_labels_are_the_users_own(pool: SystemPoolSettings) -> Iterator[Finding]:
    """Label prefixes of Kubernetes, AWS and this stack are taken."""
    yield from _reserved(pool.labels)


@system_rules.rule("system.pods", source="components/facts/instances.py: eks_max_pods")
def system_pods_fit(pool: SystemPoolSettings) -> Iterator[Finding]:
    """All nodes together hold DNS, drivers, operators and monitoring."""
    free, needed = _system_budget(pool, pool.nodes)
    if free < needed:
        yield Finding(
            "instanceType",
            f"{pool.nodes} x {pool.instance_type} hold {count(free, 'pod')} beside their daemons, "
            f"and the system has {needed}",
            "use a larger size, or more nodes",
        )


@system_rules.rule("system.pods-spare", source="components/facts/instances.py: eks_max_pods", severity=Severity.WARNING)
def system_pods_fit_without_one_node(pool: SystemPoolSettings) -> Iterator[Finding]:
    """The system's pods fit while a node is lost or updated."""
    free, needed = _system_budget(pool, pool.nodes - 1)
    if pool.nodes > 1 and free < needed <= _system_budget(pool, pool.nodes)[0]:
        yield Finding(
            "nodes",
            f"without one node, {pool.nodes - 1} x {pool.instance_type} hold {count(free, 'pod')}, "
            f"and the system has {needed}",
            "use a larger size, or one node more",
        )


def _system_budget(pool: SystemPoolSettings, nodes: int) -> tuple[int, int]:
    """Pods that `nodes` nodes have free, and pods that the system needs; unknown types are named by another rule."""
    needed = sum(SYSTEM_PODS.values())
    free = plan_system_pool(pool).pods.free * nodes if find_instance(pool.instance_type) else needed
    return free, needed
