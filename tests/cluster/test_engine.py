"""The whole program on the real engine: AWS is simulated, Kubernetes is real. Where the real Kubernetes provider is to
be found, it stands between the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.program import main
from tests import tools
from tests.cluster.api_cluster import Address
from tests.cluster.control_plane import ControlPlane, control_plane, missing
from tests.cluster.deployment import Deployment
from tests.cluster.program import program
from tests.engine.stack import PLUGIN, EngineStack, shipped_settings, simulated_providers

CHARTS_BRING = ("keda.sh", "eventing.keda.sh", "monitoring.coreos.com", "nvidia.com", "elbv2.k8s.aws")
"""API groups whose CRDs come with a chart of the program; LeaderWorkerSet's controller runs from the start."""

NEW_IMAGE = {"repository": "example.com/sglang", "tag": "0.5.17-new", "efaCapable": True}


@dataclass(frozen=True)
class Bench:
    """What the tests of this file share: programs, a control plane, a folder."""

    cli: Path
    plane: ControlPlane
    folder: Path
    socket: Path

    def stack(self, name: str, title: str, provider: Path | None) -> EngineStack:
        """A shipped stack that is deployed to the control plane, of which nothing else is left but the controllers."""
        client = self.plane.client
        for definition in client.find_all("apiextensions.k8s.io/v1", "CustomResourceDefinition"):
            if definition["spec"]["group"] in CHARTS_BRING:
                client.delete(definition)
        for node in client.find_all("v1", "Node"):
            client.delete(node)
        made = EngineStack(self.folder / title, name, shipped_settings(name), main, cli=self.cli, socket=self.socket)
        made.set("protect", False)
        executable = str(provider) if provider else None
        Address(self.plane.server, str(self.plane.authority), self.plane.token, name, executable).write(made.world)
        made.environment["SIMULATED_KUBERNETES"] = "tests.cluster.api_cluster:provider"
        return made


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    cli = tools.find("pulumi")
    if cli is None or missing():
        pytest.skip("`make tools` has not built the Pulumi CLI and a control plane")
    folder = tmp_path_factory.mktemp("whole")
    with control_plane() as plane, simulated_providers(folder) as socket:
        yield Bench(cli, plane, folder, socket)


@pytest.mark.parametrize("name", ["dev", pytest.param("prod", marks=pytest.mark.exhaustive)])
def test_a_stack_comes_up_changes_and_goes_down_on_a_real_control_plane(bench: Bench, name: str) -> None:
    stack = bench.stack(name, name, tools.plugin("kubernetes"))
    cluster = Deployment(program(name), bench.plane.client)
    assert stack.preview().ok
    up = stack.up()
    assert up.ok, up.errors()
    cluster.settle()
    assert [each for each in cluster.program.objects if cluster.live(each) is None] == []
    again = stack.preview("--expect-no-changes")
    assert again.ok, [str(step) for step in again.changes]

    stack.set("models[0].engine.image", NEW_IMAGE)
    rollout = stack.up()
    assert rollout.ok, rollout.errors()
    assert [step.op for step in rollout.changes] == ["update", "update"]
    images = {rank["spec"]["containers"][0]["image"] for rank in cluster.ranks(cluster.engines[0])}
    assert images == {f"{NEW_IMAGE['repository']}:{NEW_IMAGE['tag']}"}

    down = stack.destroy()
    assert down.ok, down.errors()
    assert [each for each in cluster.program.objects if cluster.live(each)] == []


@pytest.mark.exhaustive
def test_a_provider_that_is_found_gets_everything_but_charts(bench: Bench) -> None:
    """No real one is to be had from the package registries: the simulated one plays it, in a process of its own."""
    played = bench.folder / "pulumi-resource-kubernetes"
    inner = bench.stack("dev", "inner", None)
    settings = {**inner.environment, "SIMULATED_PROVIDERS_SOCKET": str(bench.socket)}
    exports = [f"export {key}='{value}'" for key, value in settings.items() if key.startswith("SIMULATED_")]
    command = f'exec "{sys.executable}" "{PLUGIN}" kubernetes "$@"'
    played.write_text("\n".join(["#!/bin/sh", *exports, command, ""]))
    played.chmod(0o755)

    stack = bench.stack("dev", "outer", played)
    up = stack.up()
    assert up.ok, up.errors()
    assert stack.preview("--expect-no-changes").ok
    passed_on = {event.type for event in inner.world.journal("create")}
    assert "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet" in passed_on
    assert "kubernetes:helm.sh/v3:Release" not in passed_on
    down = stack.destroy()
    assert down.ok, down.errors()
    assert list(inner.world.things()) == []
