"""A shipped stack, deployed on the control plane, and the questions that tests ask about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from components.serving.names import NAMESPACE
from components.serving.plan import GroupPlan
from tests.cluster import nodes
from tests.cluster.client import Client, Manifest, labels_of, name_of, namespace_of
from tests.cluster.program import Program

SET = "leaderworkerset.sigs.k8s.io/name"
GROUP = "leaderworkerset.sigs.k8s.io/group-index"
RANK = "leaderworkerset.sigs.k8s.io/worker-index"

SECONDS_TO_START = 60
SECONDS_TO_END = 90


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was applied, and the cluster that it was applied to.

    `answers` holds each object as the server gave it back when it was made: LeaderWorkerSet's webhook rewrites
    quantities then, and not when the same is applied again.
    """

    program: Program
    client: Client
    answers: dict[str, Manifest] = field(default_factory=dict)

    @property
    def engines(self) -> list[GroupPlan]:
        """Every LeaderWorkerSet of the stack, as planned."""
        return [group for model in self.program.plan.models for group in model.groups]

    def apply(self) -> None:
        """Let the machines join, then apply every object and every stand-in, in the program's order."""
        nodes.join(self.client, self.program.machines)
        for manifest in [*self.program.objects, *self.program.stand_ins]:
            self.answers[described(manifest)] = self.client.apply(manifest)

    def delete(self) -> None:
        """Delete in the reverse order, each object gone before the next goes, as Pulumi does; then the machines.

        Namespaces take their time and do not wait for each other.
        """
        for manifest in [*reversed(self.program.stand_ins), *reversed(self.program.objects)]:
            self.client.delete(manifest)
            if manifest["kind"] != "Namespace":
                self._await_gone(manifest)
        for namespace in self.of_kind("Namespace"):
            self._await_gone(namespace)
        for machine in self.program.machines:
            nodes.leave(self.client, machine.name)

    def _await_gone(self, manifest: Manifest) -> None:
        self.client.wait(f"{described(manifest)} is gone", lambda: self.live(manifest) is None, SECONDS_TO_END)

    def live(self, manifest: Manifest) -> Manifest | None:
        """The object as the server holds it now."""
        return self.client.find(manifest["apiVersion"], manifest["kind"], name_of(manifest), namespace_of(manifest))

    def of_kind(self, kind: str) -> list[Manifest]:
        """The program's objects of one kind."""
        return [manifest for manifest in self.program.objects if manifest["kind"] == kind]

    def leader_worker_set(self, engine: GroupPlan) -> Manifest:
        """The live LeaderWorkerSet of a planned group; of a DisaggregatedSet's, the only one."""
        if engine.set_name is None:
            return self.client.get("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", engine.name, NAMESPACE)
        (made,) = self.made_of(engine)
        return made

    def made_of(self, engine: GroupPlan) -> list[Manifest]:
        """The LeaderWorkerSets that a DisaggregatedSet has made of a planned group, one for each version that runs."""
        return self.client.find_all("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", NAMESPACE, engine.members)

    def ranks(self, engine: GroupPlan, replica: int | None = None) -> list[Manifest]:
        """Pods of a planned group, or of one of its replicas, leaders first."""
        labels = engine.members | ({} if replica is None else {GROUP: str(replica)})
        pods = self.client.find_all("v1", "Pod", NAMESPACE, labels)
        return sorted(pods, key=lambda pod: (int(labels_of(pod)[GROUP]), int(labels_of(pod)[RANK])))

    def leaders(self, engine: GroupPlan) -> list[Manifest]:
        """The pods of rank 0."""
        return [pod for pod in self.ranks(engine) if labels_of(pod)[RANK] == "0"]

    def serving(self, engine: GroupPlan) -> int:
        """Replicas of which every rank is ready."""
        ready = [pod for pod in self.ranks(engine) if is_ready(pod) and not is_leaving(pod)]
        groups = Counter((labels_of(pod)[SET], labels_of(pod)[GROUP]) for pod in ready)
        return sum(count == engine.nodes_per_group for count in groups.values())

    def whole(self, engine: GroupPlan) -> bool:
        """Whether all ranks of all replicas are there and ready."""
        pods = self.ranks(engine)
        return len(pods) == engine.pods and all(is_ready(pod) and not is_leaving(pod) for pod in pods)

    def settle(self, seconds: float = SECONDS_TO_START) -> None:
        """Wait until every pod of the stack runs."""
        for engine in self.engines:
            self.client.wait(f"every rank of {engine.name} is ready", lambda each=engine: self.whole(each), seconds)
        self.client.wait("every pod runs or is done", lambda: not self.unfinished(), seconds)

    def pending(self) -> list[Manifest]:
        """Pods that have no node."""
        return [pod for pod in self.client.find_all("v1", "Pod") if not pod["spec"].get("nodeName")]

    def unfinished(self) -> list[Manifest]:
        """Pods that neither run nor have done their work."""
        pods = self.client.find_all("v1", "Pod")
        return [pod for pod in pods if not is_ready(pod) and pod["status"].get("phase") != "Succeeded"]

    @contextmanager
    def without(self, names: Sequence[str]) -> Generator[None]:
        """A while without some nodes and their pods: what the cloud and the garbage collector make of dead machines."""
        for name in names:
            nodes.leave(self.client, name)
        for pod in self.client.find_all("v1", "Pod"):
            if pod["spec"].get("nodeName") in names:
                self.client.delete(pod, grace=0)
        try:
            yield
        finally:
            self.bring_back(names)

    def bring_back(self, names: Sequence[str]) -> None:
        """Let lost machines join again, and wait until every pod runs."""
        nodes.join(self.client, [machine for machine in self.program.machines if machine.name in names])
        self.settle()

    def spare(self, engine: GroupPlan) -> list[str]:
        """Nodes of a group's pool on which none of its ranks runs."""
        used = self.hosts(self.ranks(engine))
        names = [machine.name for machine in self.program.machines if machine.pool == engine.pool.name]
        return [name for name in names if name not in used]

    def hosts(self, pods: Iterable[Manifest]) -> list[str]:
        """Names of the nodes that pods are on."""
        return [pod["spec"]["nodeName"] for pod in pods]


def is_ready(pod: Manifest) -> bool:
    """The pod's Ready condition."""
    conditions = pod["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_leaving(pod: Manifest) -> bool:
    """Whether the pod is being deleted."""
    return "deletionTimestamp" in pod["metadata"]


def identities(pods: Iterable[Manifest]) -> set[str]:
    """Names with UIDs: a pod that was made anew has another one."""
    return {f"{name_of(pod)}/{pod['metadata']['uid']}" for pod in pods}


def described(manifest: Manifest) -> str:
    """Kind and name, for messages."""
    return f"{manifest['kind']} {namespace_of(manifest) or ''}/{name_of(manifest)}"


def status_of(deployment: Deployment, engine: GroupPlan, condition: str) -> str | None:
    """The status of a condition of a LeaderWorkerSet."""
    conditions = deployment.leader_worker_set(engine)["status"].get("conditions") or []
    return next((each["status"] for each in conditions if each["type"] == condition), None)
