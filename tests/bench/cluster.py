"""`python -m tests.bench.cluster`: fifty groups of two pods on a hundred nodes, on a real control plane.

The groups are the first multi-node model of the stack `prod`, the nodes those of its pool.
"""

from __future__ import annotations

import copy
import dataclasses
import time

from components.serving.names import NAMESPACE
from tests.cluster import nodes
from tests.cluster.client import Client, name_of
from tests.cluster.control_plane import control_plane, missing
from tests.cluster.deployment import Deployment
from tests.cluster.program import program

GROUPS = 50
KINDS = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
)


def main() -> None:
    """Measure and print; says in one line what is missing where the control plane cannot start."""
    if absent := missing():
        print(f"cluster: `make tools` has not made {', '.join(absent)}")
        return
    started = time.monotonic()
    with control_plane() as plane:
        print(f"{'control plane with its kinds':44}{time.monotonic() - started:>8.1f} s")
        _groups(plane.client)


def _groups(client: Client) -> None:
    deployment = Deployment(program("prod"), client)
    engine = next(each for each in deployment.engines if each.nodes_per_group > 1)
    sample = next(each for each in deployment.program.machines if each.pool == engine.pool.name)
    count = GROUPS * engine.nodes_per_group
    started = time.monotonic()
    machines = [each for each in deployment.program.machines if each.pool == "system"]
    machines += [dataclasses.replace(sample, name=f"{sample.pool}-{number}") for number in range(count)]
    nodes.join(client, machines)
    print(f"{f'{len(machines)} nodes':44}{time.monotonic() - started:>8.1f} s")
    many = dataclasses.replace(engine, replicas=GROUPS)
    before = _objects(client)
    started = time.monotonic()
    for manifest in copy.deepcopy(deployment.program.objects):
        if manifest["kind"] == "LeaderWorkerSet":
            if name_of(manifest) != engine.name:
                continue
            manifest["spec"]["replicas"] = GROUPS
        client.apply(manifest)
    client.wait("all groups are ready", lambda: deployment.whole(many), 600)
    took = time.monotonic() - started
    print(f"{f'{GROUPS} groups of {engine.nodes_per_group} pods until all are ready':44}{took:>8.1f} s")
    print(f"{'API objects, of which a group has':44}{_objects(client) - before:>8}", end="")
    print(f"{(_objects(client) - before) / GROUPS:>8.1f}")


def _objects(client: Client) -> int:
    return sum(len(client.find_all(*kind, NAMESPACE)) for kind in KINDS)


if __name__ == "__main__":
    main()
