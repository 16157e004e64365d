"""The whole program on the real engine: AWS is simulated, Kubernetes is real. A control plane and a cloud a stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from infra.program import main
from tests import tools
from tests.cluster.api_cluster import Address
from tests.cluster.control_plane import ControlPlane, control_plane, missing
from tests.cluster.deployment import Deployment
from tests.cluster.program import program
from tests.engine.stack import EngineStack, shipped_settings, simulated_providers
from tests.shipped import STACKS

CHARTS_BRING = ("keda.sh", "eventing.keda.sh", "monitoring.coreos.com", "nvidia.com", "elbv2.k8s.aws")
"""API groups whose CRDs come with a chart of the program; LeaderWorkerSet's controller runs from the start."""


@dataclass(frozen=True)
class Whole:
    """A stack on the engine, and the same stack as the control plane has it."""

    stack: EngineStack
    cluster: Deployment


@pytest.fixture(scope="module", params=STACKS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    cli = tools.find("pulumi")
    if cli is None or missing():
        pytest.skip("`make tools` has not built the Pulumi CLI and a control plane")
    folder = tmp_path_factory.mktemp("whole")
    with control_plane() as plane, simulated_providers(folder) as socket:
        _forget_what_charts_bring(plane)
        stack = EngineStack(
            folder / "stack", request.param, shipped_settings(request.param), main, cli=cli, socket=socket
        )
        Address(plane.server, str(plane.authority), plane.token, request.param).write(stack.world)
        stack.environment["SIMULATED_CLUSTER"] = "tests.cluster.api_cluster:behind"
        yield Whole(stack, Deployment(program(request.param), plane.client))


def test_a_stack_comes_up_changes_and_goes_down_on_a_real_control_plane(whole: Whole) -> None:
    stack, cluster = whole.stack, whole.cluster
    assert stack.preview().ok
    up = stack.up()
    assert up.ok, up.errors()
    cluster.settle()
    assert [each for each in cluster.program.objects if cluster.live(each) is None] == []
    again = stack.preview("--expect-no-changes")
    assert again.ok, [str(step) for step in again.changes]

    _rename_image(stack)
    rollout = stack.up()
    assert rollout.ok, rollout.errors()
    changed = {step.type.rsplit(":", 1)[-1] for step in rollout.changes}
    assert "LeaderWorkerSet" in changed
    assert not [step for step in rollout.changes if step.op in ("replace", "delete")]
    images = {rank["spec"]["containers"][0]["image"] for rank in cluster.ranks(cluster.engines[0])}
    assert images == {f"{NEW_IMAGE['repository']}:{NEW_IMAGE['tag']}"}

    down = stack.destroy()
    assert down.ok, down.errors()
    assert [each for each in cluster.program.objects if cluster.live(each)] == []


NEW_IMAGE = {"repository": "example.com/sglang", "tag": "0.5.17-new", "efaCapable": True}


def _rename_image(stack: EngineStack) -> None:
    stack.set("protect", False)
    stack.set("models[0].engine.image", NEW_IMAGE)


def _forget_what_charts_bring(plane: ControlPlane) -> None:
    for definition in plane.client.find_all("apiextensions.k8s.io/v1", "CustomResourceDefinition"):
        if definition["spec"]["group"] in CHARTS_BRING:
            plane.client.delete(definition)
