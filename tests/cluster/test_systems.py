"""Published systems, corrected: every object is admitted, and every rank finds a node of its own kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cli.source import Source
from tests.cluster import nodes
from tests.cluster.client import name_of, namespace_of
from tests.cluster.control_plane import ControlPlane, control_plane, missing
from tests.cluster.deployment import Deployment
from tests.cluster.program import program_of
from tests.systems.written import SYSTEMS


@pytest.fixture(scope="module")
def empty() -> Iterator[ControlPlane]:
    """A control plane to which one system after the other comes."""
    if absent := missing():
        pytest.skip(f"cluster tier: `make tools` has not made {', '.join(absent)}")
    with control_plane() as running:
        yield running


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: file.stem)
def test_a_system_is_admitted_and_every_rank_is_scheduled(empty: ControlPlane, file: Path) -> None:
    system = Deployment(program_of(Source.of(None, file)), empty.client)
    try:
        nodes.join(empty.client, system.program.machines)
        for manifest in system.program.objects:
            empty.client.apply(manifest)
        system.settle()
        for engine in system.engines:
            ranks = system.ranks(engine)
            assert len(ranks) == engine.pods
            kinds = {host.rpartition("-")[0] for host in system.hosts(ranks)}
            assert kinds == {engine.pool.name}
    finally:
        _remove(system)


def _remove(system: Deployment) -> None:
    """Everything at once: only that nothing of one system is in the way of the next one matters here."""
    client = system.client
    for machine in system.program.machines:
        client.delete({"apiVersion": "v1", "kind": "Node", "metadata": {"name": machine.name}})
    for manifest in reversed(system.program.objects):
        client.delete(manifest)
    for pod in client.find_all("v1", "Pod"):
        client.delete(pod, grace=0)
    for manifest in system.program.objects:
        client.wait(
            f"{manifest['kind']} {namespace_of(manifest) or ''}/{name_of(manifest)} is gone",
            lambda each=manifest: system.live(each) is None,
            90,
        )
