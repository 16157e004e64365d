"""What holds for every stack that passes its rules, and for every one that does not."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from components.facts.instances import instance
from components.rules import Severity
from infra.offline import Recorded, Recording, record
from infra.plan import Plan, resolve
from infra.policy.run import violations_of
from infra.settings import validate
from infra.stack import deploy
from tests.whole.properties.stacks import stacks

LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
SCALED = "kubernetes:keda.sh/v1alpha1:ScaledObject"
# One example is a whole program: shrinking a failing one would take minutes and tell little more.
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.reuse, Phase.generate])
recorded = settings(slow, max_examples=6)
checked = settings(slow, max_examples=40)


def built(raw: dict[str, Any]) -> tuple[Plan, Recording]:
    found = validate(raw)
    assert [str(problem) for problem in found.errors] == []
    assert found.settings is not None
    plan = resolve(found.settings)
    return plan, record(lambda: deploy(plan.settings, plan, "generated"), stack="generated")


@recorded
@given(stacks())
def test_every_valid_stack_registers_a_graph_in_which_the_invariants_hold(raw: dict[str, Any]) -> None:
    plan, recording = built(raw)
    for resource in recording.resources:
        at_the_top = resource.parent is None
        assert not at_the_top or resource.component or resource.is_provider, f"{resource.name} has no parent"
        if resource.type.startswith(("aws:", "kubernetes:", "aws-native:")) and not resource.made_by:
            assert resource.provider, f"{resource.name} has no provider of ours"
    for name, group in [(model.name, group) for model in plan.models for group in model.groups]:
        pool = group.pool
        kind = instance(pool.instance_type)
        over_efa = group.transfer is not None and group.transfer.efa
        for pod in pods(recording.one(LWS, f"{name}-{group.role}")):
            limits = pod["containers"][0]["resources"]["limits"]
            assert limits["nvidia.com/gpu"] == str(kind.gpus)
            wanted_efa = kind.efa_interfaces if group.nodes_per_group > 1 or over_efa else 0
            assert int(limits.get("vpc.amazonaws.com/efa", 0)) == wanted_efa
            assert pool.labels.items() >= pod["nodeSelector"].items()
            assert all(tolerated(taint, pod["tolerations"]) for taint in pool.taints)
            assert not pod.get("hostNetwork")
            assert bool(pod["containers"][0].get("securityContext", {}).get("privileged")) == over_efa
        assert group.ranks == group.nodes_per_group * kind.gpus
        assert plan.nodes_used(pool) <= plan.nodes_at_most(pool) <= pool.nodes
        targets = [each.inputs["spec"]["scaleTargetRef"]["name"] for each in recording.of_type(SCALED)]
        assert targets.count(group.name) == (group.scaling is not None)
    violations = violations_of(recording, plan.settings)
    assert [str(problem) for problem in violations if problem.severity is Severity.ERROR] == []


MUTATIONS = [
    (("region",), "virginia", "region"),
    (("cluster", "kubernetesVersion"), "1.20", "cluster.kubernetesVersion"),
    (("cluster", "name"), "Not A Name", "cluster.name"),
    (("systemPool", "nodes"), 0, "systemPool.nodes"),
    (("systemPool", "instanceType"), "m99.large", "systemPool.instanceType"),
    (("nodePools", 0, "instanceType"), "p99.48xlarge", "nodePools[0].instanceType"),
    (("nodePools", 0, "zone"), "use1-az1", "nodePools[0].zone"),
    (("fileSystem", "storageCapacityGiB"), 1300, "fileSystem.storageCapacityGiB"),
    (("fileSystem", "throughputPerTiB"), 333, "fileSystem.throughputPerTiB"),
    (("models", 0, "nodePool"), "elsewhere", "models[0].nodePool"),
    (("models", 0, "model"), "nobody/nothing", "models[0].model"),
    (("models", 0, "replicas"), 200, "models[0].replicas"),
    (("models", 0, "parallelism", "tensor"), 3, "models[0].parallelism"),
    (("models", 0, "contextLength"), 10_000_000, "models[0].contextLength"),
    (("models", 0, "arguments"), {"metrics-port": 9090}, "models[0].arguments"),
    (("network", "cidr"), "10.0.0.0/24", "network.cidr"),
]


@checked
@given(stacks(), st.sampled_from(MUTATIONS))
def test_every_mutated_stack_fails_on_the_mutated_path(
    raw: dict[str, Any], mutation: tuple[tuple[str | int, ...], Any, str]
) -> None:
    location, value, path = mutation
    broken: Any = copy.deepcopy(raw)
    inner = broken
    for key in location[:-1]:
        inner = inner[key] if isinstance(inner, list) else inner.setdefault(key, {})
    inner[location[-1]] = value
    found = validate(broken)
    assert found.settings is None
    assert any(problem.path.startswith(path) for problem in found.errors), [str(error) for error in found.errors]


def pods(group: Recorded) -> list[dict[str, Any]]:
    template = group.inputs["spec"]["leaderWorkerTemplate"]
    return [template[role]["spec"] for role in ("leaderTemplate", "workerTemplate") if role in template]


def tolerated(taint: Any, tolerations: list[dict[str, Any]]) -> bool:
    return any(
        toleration.get("key") == taint.key
        and toleration.get("effect") in (None, taint.effect)
        and (toleration.get("operator") == "Exists" or toleration.get("value") == taint.value)
        for toleration in tolerations
    )
