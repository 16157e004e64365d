"""What was seen in a cluster, typed: the few facts of each object that a check asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Manifest = Mapping[str, Any]

GPU = "nvidia.com/gpu"
EFA = "vpc.amazonaws.com/efa"
DEVICES = (GPU, EFA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node. `ready` is its Ready condition (`True`, `False`, or `Unknown` where the kubelet is silent); `devices` is
    what its device plugins offer; `faults` are conditions that tell of a fault, with their message.
    """

    name: str
    labels: Mapping[str, str]
    taints: frozenset[tuple[str, str, str]]
    ready: str
    cordoned: bool = False
    leaving: bool = False
    devices: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container as its kubelet reports it. `waiting` and `ended` are reasons (`ImagePullBackOff`, `OOMKilled`), empty
    where there is none; `ended` is of its last end; `message` goes with `waiting`.
    """

    name: str
    waiting: str = ""
    message: str = ""
    ended: str = ""
    exit_code: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod. `unschedulable` is the scheduler's message, empty where it has a node or was not looked at yet."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    node: str
    phase: str
    ready: bool
    created: datetime
    deleted: datetime | None = None
    unschedulable: str = ""
    owner: str = ""
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event. `kind`, `namespace` and `name` are of the object that it is about; `count` is how often it was seen."""

    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    warning: bool
    count: int
    seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, DaemonSet or StatefulSet: pods wanted and ready."""

    kind: str
    namespace: str
    name: str
    wanted: int
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSet:
    """A LeaderWorkerSet: groups wanted and ready."""

    namespace: str
    name: str
    wanted: int
    ready: int
    created: datetime
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job. `failed` is the reason of its failure, empty where it has not failed; `failures` counts pods that did."""

    namespace: str
    name: str
    complete: bool
    failed: str
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A persistent volume claim and its phase."""

    namespace: str
    name: str
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Pods behind a Service, ready ones only, of one EndpointSlice."""

    namespace: str
    service: str
    pods: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A disruption budget: pods that it counts, and how many may be evicted now."""

    namespace: str
    name: str
    pods: int
    healthy: int
    allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The newest revision of a Helm release and its status (`deployed`, `failed`, `pending-upgrade`, ...)."""

    namespace: str
    name: str
    status: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate and when it ends; `holder` names the object that carries it."""

    holder: str
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiService:
    """An API that something in the cluster serves for the API server, with why it is not available, or empty."""

    name: str
    unavailable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """An object whose deletion was asked for, and the finalizers that hold it."""

    kind: str
    namespace: str
    name: str
    since: datetime
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogKey:
    """Which part of which log: the one before the last restart (`previous`), from the start or from the end."""

    namespace: str
    pod: str
    container: str
    previous: bool = False
    from_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as it was read. `objects` are whole, by (kind, namespace, name), for the kinds that the plan makes;
    `unread` tells what could not be read, and why, by the kubectl name of its kind.
    """

    read_at: datetime
    version: str = ""
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    events: tuple[Event, ...] = ()
    workloads: tuple[Workload, ...] = ()
    group_sets: tuple[GroupSet, ...] = ()
    jobs: tuple[Job, ...] = ()
    claims: tuple[Claim, ...] = ()
    endpoints: tuple[Endpoints, ...] = ()
    budgets: tuple[Budget, ...] = ()
    releases: tuple[Release, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    api_services: tuple[ApiService, ...] = ()
    leaving: tuple[Leaving, ...] = ()
    objects: Mapping[tuple[str, str, str], Manifest] = field(default_factory=dict)
    logs: Mapping[LogKey, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def minutes_since(self, moment: datetime) -> float:
        """Minutes from `moment` to the reading."""
        return (self.read_at - moment).total_seconds() / 60

    def group_sets_of(self, namespace: str, name: str, labels: Mapping[str, str]) -> list[GroupSet]:
        """The LeaderWorkerSets of a role: the one of its name, or those that a DisaggregatedSet made with `labels`."""
        there = [each for each in self.group_sets if each.namespace == namespace]
        return [each for each in there if each.name == name or labels.items() <= each.labels.items()]

    def pods_of(self, namespace: str, labels: Mapping[str, str]) -> list[Pod]:
        """The pods of a namespace that carry `labels`."""
        wanted = labels.items()
        return [pod for pod in self.pods if pod.namespace == namespace and wanted <= pod.labels.items()]
