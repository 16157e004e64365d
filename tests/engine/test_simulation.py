"""The simulated providers themselves, with a small program: a cluster, a node, a chart and a custom resource."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s
import pytest

from components.kube import custom_object, kube_provider, kubeconfig
from tests.engine.stack import EngineStack


class Program:
    """The small program; a test changes its attributes between runs."""

    def __init__(self) -> None:
        self.quantity: str = "500m"
        self.replicas: int | None = 1
        self.chart_first = True
        self.region_name = "us-east-1"

    def __call__(self) -> None:
        provider = aws.Provider("aws", region="us-east-1")
        opts = pulumi.ResourceOptions(provider=provider)
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=opts)
        subnets = [
            aws.ec2.Subnet(f"subnet-{index}", vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", opts=opts)
            for index in range(2)
        ]
        cluster = eks.Cluster(
            "cluster",
            name="small",
            vpc_id=vpc.id,
            subnet_ids=[subnet.id for subnet in subnets],
            authentication_mode=eks.AuthenticationMode.API,
            skip_default_node_group=True,
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            opts=pulumi.ResourceOptions(providers=[provider]),
        )
        made = cluster.eks_cluster
        config = pulumi.Output.all(made.endpoint, made.certificate_authority.data).apply(
            lambda values: kubeconfig("small", self.region_name, *values)
        )
        kube = kube_provider("kube", config, "small", pulumi.ResourceOptions())
        within = pulumi.ResourceOptions(provider=kube)
        room = k8s.core.v1.Namespace("room", metadata={"name": "lws-system"}, opts=within)
        after = pulumi.ResourceOptions(provider=kube, depends_on=[room])
        release = k8s.helm.v3.Release(
            "lws", name="lws", chart="lws", namespace="lws-system", skip_await=True, opts=after
        )
        k8s.core.v1.Secret(
            "token",
            metadata={"name": "token", "namespace": "lws-system"},
            string_data={"token": pulumi.Output.secret("hush-hush")},
            opts=after,
        )
        container = {"name": "engine", "image": "x:1", "resources": {"requests": {"cpu": self.quantity}}}
        spec: dict[str, Any] = {"leaderWorkerTemplate": {"workerTemplate": {"spec": {"containers": [container]}}}}
        if self.replicas is not None:
            spec["replicas"] = self.replicas
        custom_object(
            "group",
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            {"name": "group", "namespace": "lws-system"},
            pulumi.ResourceOptions(provider=kube, depends_on=[release] if self.chart_first else [room]),
            spec=spec,
        )


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
def stack(make_stack: Callable[..., EngineStack], program: Program) -> EngineStack:
    return make_stack("small", {"config": {}}, program)


def test_previews_creates_has_no_changes_and_destroys(stack: EngineStack):
    preview = stack.preview()
    assert preview.ok, preview.errors()
    up = stack.up()
    assert up.ok, up.errors()
    assert {step.urn for step in preview.changes} == {step.urn for step in up.changes}
    again = stack.preview("--expect-no-changes")
    assert again.ok, again.changes
    assert "hush-hush" not in stack.state_file.read_text()
    gone = stack.destroy()
    assert gone.ok, gone.errors()
    assert not list(stack.world.things())


def test_a_custom_resource_is_refused_before_its_definition(stack: EngineStack, program: Program):
    program.chart_first = False
    stack.world.plan_fault("lws")
    up = stack.up()
    assert "no matches for kind LeaderWorkerSet in version leaderworkerset.x-k8s.io/v1" in up.errors()


def test_a_quantity_that_the_webhook_rewrites_differs_forever(stack: EngineStack, program: Program):
    program.quantity = "0.5"
    assert stack.up().ok
    again = stack.preview()
    assert [step.name for step in again.changes] == ["group"]


def test_replicas_of_an_autoscaler_conflict_with_those_of_the_stack(stack: EngineStack):
    assert stack.up().ok
    stack.world.change_by_another(stack.world.named("group"), "spec.replicas", 3)
    assert "conflict with another field manager on .spec.replicas" in stack.up().errors()


def test_replicas_that_the_stack_does_not_give_stay(stack: EngineStack, program: Program):
    program.replicas = None
    assert stack.up().ok
    stack.world.change_by_another(stack.world.named("group"), "spec.replicas", 3)
    assert stack.refresh().ok
    assert stack.preview("--expect-no-changes").ok


def test_another_kubeconfig_updates_the_provider_and_nothing_else(stack: EngineStack, program: Program):
    assert stack.up().ok
    program.region_name = "eu-west-1"
    assert [str(step) for step in stack.preview().changes] == ["update pulumi:providers:kubernetes kube ['kubeconfig']"]


def test_a_failure_is_mended_by_the_next_run(stack: EngineStack):
    stack.world.plan_fault("room")
    failed = stack.up()
    assert not failed.ok
    assert "room: the cloud failed on demand" in failed.errors()
    assert stack.up().ok
    created = [event.urn for event in stack.world.journal("create")]
    assert len(created) == len(set(created))


def test_the_state_is_json(stack: EngineStack):
    assert stack.up().ok
    assert json.loads(stack.state_file.read_text())["version"] == 3
