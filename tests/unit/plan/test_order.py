"""Waves, the critical path and how long GPUs wait, on graphs made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from infra.offline.recording import Recorded
from infra.plan.order import CycleError, Estimate, Order, order_of

HYPERPOD = "aws-native:sagemaker:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"


def made(name: str, *after: str, type: str = "aws:s3/bucket:Bucket", **fields: Any) -> Recorded:
    """A resource whose URN is its name."""
    values: dict[str, Any] = {"parent": None, "provider": None, "property_dependencies": {}, "inputs": {}} | fields
    return Recorded(urn=name, type=type, name=name, depends_on=after, **values)


def ordered(*resources: Recorded, **minutes: float | None) -> Order:
    """The order, each resource taking `minutes[name]`, or nothing."""
    return order_of(resources, lambda resource: Estimate(minutes.get(resource.name, 0.0), "test"))


def waves(order: Order) -> list[list[str]]:
    return [sorted(step.resource.name for step in wave) for wave in order.waves]


def test_what_needs_nothing_comes_first_and_together() -> None:
    assert waves(ordered(made("vpc"), made("role"), made("subnet", "vpc"))) == [["role", "vpc"], ["subnet"]]


def test_a_wave_is_one_later_than_the_latest_need() -> None:
    order = ordered(made("a"), made("b", "a"), made("c", "a", "b"))
    assert waves(order) == [["a"], ["b"], ["c"]]


def test_the_order_of_registration_does_not_matter() -> None:
    assert waves(ordered(made("subnet", "vpc"), made("vpc"))) == [["vpc"], ["subnet"]]


def test_a_resource_waits_for_its_provider_and_what_that_needs() -> None:
    provider = made("kube", "cluster", type="pulumi:providers:kubernetes")
    namespace = made("namespace", provider="kube")
    assert waves(ordered(made("cluster"), provider, namespace)) == [["cluster"], ["namespace"]]


def test_providers_and_components_take_no_wave() -> None:
    order = ordered(made("group", component=True), made("bucket", parent="group"))
    assert waves(order) == [["bucket"]]


def test_a_child_of_a_resource_waits_for_it() -> None:
    assert waves(ordered(made("vpc"), made("subnet", parent="vpc"))) == [["vpc"], ["subnet"]]


def test_a_remote_component_is_there_once_its_children_are() -> None:
    cluster = made("eks", component=True, type="eks:index:Cluster")
    control_plane = made("control-plane", parent="eks", made_by="eks")
    order = ordered(cluster, control_plane, made("addon", "eks"), **{"control-plane": 10.0})
    assert order.steps["addon"].starts == 10


def test_steps_start_when_the_last_need_ends() -> None:
    order = ordered(made("a"), made("b"), made("c", "a", "b"), a=3.0, b=7.0, c=2.0)
    assert (order.steps["c"].starts, order.steps["c"].ends) == (7.0, 9.0)
    assert order.minutes == 9.0


def test_the_critical_path_is_the_longest_and_not_the_sum() -> None:
    order = ordered(made("a"), made("b"), made("c", "a"), made("d", "b"), a=3.0, b=7.0, c=2.0, d=1.0)
    assert [step.resource.name for step in order.critical_path] == ["b", "d"]


def test_an_unknown_duration_counts_as_nothing_and_is_named() -> None:
    order = ordered(made("a"), made("b", "a"), a=3.0, b=None)
    assert order.minutes == 3.0
    assert [step.resource.name for step in order.unknown] == []
    order = ordered(made("a"), made("b", "a"), made("c", "b"), a=3.0, b=None, c=1.0)
    assert [step.resource.name for step in order.unknown] == ["b"]


def test_gpus_wait_from_their_request_until_the_last_model_serves() -> None:
    hyperpod = made("gpus", "cluster", type=HYPERPOD, inputs={"instanceGroups": [{"instanceType": "ml.p5.48xlarge"}]})
    order = ordered(made("cluster"), hyperpod, made("r1", "gpus", type=LWS), cluster=10.0, gpus=20.0, r1=5.0)
    (wait,) = order.gpu_waits
    assert (wait.starts, wait.serving, wait.minutes) == (10.0, 35.0, 25.0)
    assert wait.exact


def test_what_is_done_before_the_gpus_does_not_lengthen_their_wait() -> None:
    hyperpod = made("gpus", type=HYPERPOD, inputs={"instanceGroups": [{"instanceType": "ml.p5.48xlarge"}]})
    beside = ordered(made("weights"), hyperpod, made("r1", "gpus", "weights", type=LWS), weights=30.0, gpus=20.0)
    assert beside.gpu_waits[0].minutes == 30.0
    after = made("gpus", "weights", type=HYPERPOD, inputs=dict(hyperpod.inputs))
    assert (
        ordered(made("weights"), after, made("r1", "gpus", type=LWS), weights=30.0, gpus=20.0).gpu_waits[0].minutes
        == 20
    )


def test_a_wait_with_an_unknown_duration_is_a_lower_bound() -> None:
    hyperpod = made("gpus", type=HYPERPOD, inputs={"instanceGroups": [{"instanceType": "ml.p5.48xlarge"}]})
    order = ordered(hyperpod, made("operator"), made("r1", "gpus", "operator", type=LWS), gpus=20.0, operator=None)
    assert not order.gpu_waits[0].exact


def test_a_node_group_may_leave_its_type_to_the_launch_template() -> None:
    template = made("template", type=TEMPLATE, inputs={"instanceType": "g6.12xlarge"})
    group = made("group", "template", type=NODE_GROUP)
    assert ordered(template, group, made("qwen", "group", type=LWS)).gpu_waits[0].instances == ("g6.12xlarge",)


def test_nodes_without_gpus_do_not_wait() -> None:
    group = made("system", type=NODE_GROUP, inputs={"instanceTypes": ["m7i.2xlarge"]})
    assert ordered(group, made("qwen", "system", type=LWS)).gpu_waits == ()


def test_a_cycle_names_its_members() -> None:
    with pytest.raises(CycleError, match="a, b"):
        ordered(made("a", "b"), made("b", "a"), made("c"))


def test_nothing_takes_no_time() -> None:
    assert ordered().minutes == 0
    assert ordered().critical_path == ()
