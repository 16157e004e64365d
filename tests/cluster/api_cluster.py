"""A real API server behind the engine tests' simulated Kubernetes provider: simulated AWS, real Kubernetes.

What the real provider waits for is waited for here too (`platform.md` 14.8 of the facts says what it was seen to do);
a chart brings its CRDs from the pinned Go modules, and its workloads as stand-ins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.cluster import nodes
from tests.cluster.client import Client, Manifest, NeverHappenedError, RefusedError
from tests.cluster.control_plane import loopback_kubeconfig
from tests.cluster.definitions import custom_resource_definitions
from tests.cluster.forwarding import ForwardingKubernetes
from tests.cluster.program import HYPERPOD, NODE_GROUP, Program, program
from tests.cluster.stand_ins import stand_ins
from tests.engine.providers import base
from tests.engine.providers.file_cluster import CHART_GROUPS, RELEASE
from tests.engine.providers.kubernetes import SimulatedKubernetes
from tests.engine.providers.world import Thing, World

MANAGER = "pulumi-kubernetes"
SECONDS = 60
"""How long anything may take that is waited for; simulated nodes start a pod at once."""

FILE = "cluster.json"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API server is, beside the world of the stack that is deployed to it; `provider` is the executable of a
    real Kubernetes provider, which then does everything but charts.
    """

    server: str
    authority: str
    token: str
    stack: str
    provider: str | None = None

    def write(self, world: World) -> None:
        """Leave it where `provider` finds it."""
        (world.path.parent / FILE).write_text(json.dumps(asdict(self)))


def provider(world: World, plugin: base.Plugin, engine: str) -> SimulatedKubernetes:
    """The provider before the API server whose address lies beside `world`: what `SIMULATED_KUBERNETES` names."""
    address = Address(**json.loads((world.path.parent / FILE).read_text()))
    # The providers' server runs an event loop in its own thread, and recording a program needs one too.
    with ThreadPoolExecutor(1) as aside:
        planned = aside.submit(program, address.stack).result()
    cluster = ApiCluster(world, Client(address.server, Path(address.authority), address.token), planned)
    if address.provider is None:
        return SimulatedKubernetes(world, plugin, cluster)
    kubeconfig = loopback_kubeconfig(address.server, Path(address.authority), address.token)
    command = [address.provider, engine]
    return ForwardingKubernetes(world, plugin, cluster, command=command, kubeconfig=kubeconfig, join=cluster.join)


class ApiCluster:
    """Applies by server-side apply with strict validation; nodes join when the simulated cloud has made their group."""

    def __init__(self, world: World, client: Client, planned: Program) -> None:
        self._world = world
        self._client = client
        self._planned = planned

    def live(self, thing: Thing) -> Manifest | None:
        """The object as the server has it; a chart's release is not looked into."""
        return None if thing.type == RELEASE else self._find(thing.inputs)

    def apply(self, request: base.Request) -> None:
        """Raise `base.RefusedError` with the server's words, or with what never came."""
        self.join()
        try:
            if request.type == RELEASE:
                self._install(request.inputs)
            else:
                self._client.apply(request.inputs, manager=MANAGER)
                self._await(request.inputs)
        except (RefusedError, NeverHappenedError) as refused:
            raise base.RefusedError(str(refused)) from refused

    def delete(self, thing: Thing) -> None:
        """Delete and wait until it is gone; a chart leaves its CRDs, as Helm does."""
        manifests = stand_ins(thing.inputs) if thing.type == RELEASE else [thing.inputs]
        try:
            for manifest in manifests:
                self._client.delete(manifest)
            for manifest in manifests:
                self._wait(manifest, "is gone", lambda each: self._find(each) is None)
        except (RefusedError, NeverHappenedError) as refused:
            raise base.RefusedError(str(refused)) from refused

    def _install(self, release: dict[str, Any]) -> None:
        groups = CHART_GROUPS.get(release["chart"].rsplit("/", 1)[-1], ())
        for definition in custom_resource_definitions():
            if definition["spec"]["group"] in groups:
                self._client.apply(definition, manager="helm")
                self._wait(definition, "is established", _has("Established"))
        workloads = stand_ins(release)
        for manifest in workloads:
            self._client.apply(manifest, manager="helm")
        for manifest in workloads if not release.get("skipAwait") else ():
            self._await(manifest)

    def join(self) -> None:
        """Let the nodes join whose group the simulated cloud has made since."""
        made = [thing.name for kind in (NODE_GROUP, HYPERPOD) for thing in self._world.things(kind)]
        machines = [machine for name in made for machine in self._planned.machines_of(name)]
        there = {each["metadata"]["name"] for each in self._client.find_all("v1", "Node")}
        nodes.join(self._client, [machine for machine in machines if machine.name not in there])

    def _await(self, manifest: Manifest) -> None:
        annotations = manifest["metadata"].get("annotations") or {}
        if annotations.get("pulumi.com/skipAwait") == "true":
            return
        if condition := annotations.get("pulumi.com/waitFor", "").removeprefix("condition="):
            self._wait(manifest, f"is {condition}", _has(condition))
        elif ready := _READY.get(manifest["kind"]):
            self._wait(manifest, "is ready", ready)

    def _wait(self, manifest: Manifest, what: str, reached: Callable[[Manifest], bool]) -> None:
        metadata = manifest["metadata"]

        def probe() -> bool:
            live = self._find(manifest)
            return reached(live if live is not None else manifest) if what != "is gone" else live is None

        name = f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
        self._client.wait(f"{name} {what}", probe, SECONDS)

    def _find(self, manifest: Manifest) -> Manifest | None:
        metadata = manifest["metadata"]
        return self._client.find(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace"))


def _has(condition: str) -> Callable[[Manifest], bool]:
    """Whether the condition holds for what was asked for last."""

    def holds(live: Manifest) -> bool:
        status = live.get("status") or {}
        generation = live["metadata"].get("generation", 0)
        return any(
            each["type"] == condition
            and each["status"] == "True"
            and each.get("observedGeneration", generation) in (0, generation)
            for each in status.get("conditions") or ()
        )

    return holds


def _rolled_out(live: Manifest) -> bool:
    status = live.get("status") or {}
    return (
        status.get("observedGeneration") == live["metadata"].get("generation")
        and status.get("updatedReplicas", 0) == live["spec"].get("replicas", 1)
        and status.get("availableReplicas", 0) == live["spec"].get("replicas", 1)
    )


_READY: dict[str, Callable[[Manifest], bool]] = {
    "Deployment": _rolled_out,
    "Job": _has("Complete"),
    "PersistentVolumeClaim": lambda live: (live.get("status") or {}).get("phase") == "Bound",
}
"""What the provider waits for without being asked to, of the kinds that the program makes."""
