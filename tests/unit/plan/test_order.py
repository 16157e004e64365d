"""Waves, the critical path and how long GPUs wait, on graphs made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.offline.recording import Recorded
from infra.plan.order import CycleError, Estimate, Order, gpus_first, order_of
from infra.plan.savings import Saving, saving_of
from infra.settings.prices import PriceTable

HYPERPOD = "aws-native:sagemaker:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
JOB = "kubernetes:batch/v1:Job"
LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"


def made(name: str, *after: str, type: str = "aws:s3/bucket:Bucket", **fields: Any) -> Recorded:
    """A resource whose URN is its name."""
    values: dict[str, Any] = {"parent": None, "provider": None, "property_dependencies": {}, "inputs": {}} | fields
    return Recorded(urn=name, type=type, name=name, depends_on=after, **values)


def ordered(*resources: Recorded, **minutes: float | None) -> Order:
    """The order, each resource taking `minutes[name]`, or nothing."""
    return order_of(resources, lambda resource: Estimate(minutes.get(resource.name, 0.0), "test"))


PRICES = PriceTable.model_validate({"perHour": {"p5.48xlarge": 60}})
P5 = {"instanceGroups": [{"instanceType": "ml.p5.48xlarge", "instanceCount": 4}]}


def saved(resources: list[Recorded], minutes: Mapping[str, float | None], prices: PriceTable = PRICES) -> Saving:
    """What the order saves against one with GPU nodes first."""
    saving = saving_of(ordered(*resources, **minutes), ordered(*gpus_first(resources), **minutes), prices)
    assert saving is not None
    return saving


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


def stack_of(*gpu_needs: str) -> list[Recorded]:
    """A cluster; GPUs; a file system, a job and an operator that the model needs; a dashboard that nobody needs."""
    return [
        made("cluster"),
        made("gpus", "cluster", *gpu_needs, type=HYPERPOD, inputs=P5),
        made("lustre"),
        made("fetch", "cluster", "lustre", type=JOB),
        made("operator", "cluster"),
        made("dashboard", "cluster"),
        made("r1", "gpus", "fetch", "operator", type=LWS),
    ]


MINUTES = {"cluster": 10.0, "gpus": 20.0, "lustre": 10.0, "fetch": 15.0, "operator": 3.0, "dashboard": 99.0, "r1": 5.0}


def test_what_runs_beside_the_gpu_nodes_saves_their_time() -> None:
    saving = saved(stack_of(), MINUTES)
    # Beside: 10 + 20 + 5. After: 10 + 20, then 10 + 15, then 5. Four nodes at 60 an hour for 25 minutes.
    assert (saving.minutes, saving.gpu_minutes, saving.cost, saving.exact) == (25.0, 25.0, 100.0, True)


def test_an_unknown_duration_is_left_out_and_said() -> None:
    saving = saved(stack_of(), {**MINUTES, "fetch": None})
    assert (saving.minutes, saving.exact) == (10.0, False)


def test_gpu_nodes_after_the_weights_are_compared_with_the_same_order() -> None:
    saving = saved(stack_of("fetch"), MINUTES)
    # After the weights: 10 + 15 (lustre beside the cluster), 20, 5: later than beside, sooner than one by one.
    assert (saving.minutes, saving.gpu_minutes) == (10.0, 25.0)


def test_an_unknown_price_is_no_saving_in_money() -> None:
    assert saved(stack_of(), MINUTES, PriceTable()).cost is None


def test_without_gpu_nodes_there_is_nothing_to_compare() -> None:
    assert saving_of(ordered(made("a")), ordered(made("a")), PRICES) is None


def test_in_the_other_order_everything_that_models_need_waits_for_the_gpus() -> None:
    first = ordered(*gpus_first(stack_of("fetch")), **MINUTES)
    after = {step.resource.name for step in first.steps.values() if step.starts >= first.steps["gpus"].ends}
    assert after == {"lustre", "fetch", "operator", "r1"}
    assert first.steps["gpus"].starts == 10.0
