"""A model, resolved: what its components build and what a preview shows. Pure.

A model is a list of roles, each a group of pods that start, fail and scale together: one role is one LeaderWorkerSet.
An aggregated model has the one role `serve`, a disaggregated one `prefill` and `decode`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from components.facts.model_facts import ModelFacts
from components.serving.autoscaling.plan import ScalingPlan
from components.serving.disaggregation.plan import Transfer
from components.serving.engine.command import PORT
from components.serving.engine.image import ImagePlan
from components.serving.engine.places import Companion
from components.serving.group.labels import members
from components.serving.mooncake.plan import StorePlan
from components.serving.names import ENGINE_ACCOUNT, NAMESPACE, service_name
from components.serving.pods.probes import DRAIN_SECONDS, ProbePlan
from components.serving.pods.resources import PodResources
from components.serving.router.plan import RouterPlan
from components.serving.sizing import Sizing
from components.serving.tuned_files.plan import TunedFiles
from components.serving.weights.plan import WeightsPlan
from components.serving.weights.settings import WeightsSource
from components.serving.weights.staging import FOLDER as STAGING_FOLDER

if TYPE_CHECKING:
    from components.aws.nodes.plan import PoolPlan
    from components.serving.settings import ModelSettings

PULL_MINUTES: Final = 20
"""Minutes in which a node pulls an engine image of about 15 GB (lmsysorg/sglang:v0.5.19) before the probes begin."""

NODE_MINUTES: Final = 90
"""Minutes in which a HyperPod cluster that is in service already brings its nodes: with continuous provisioning it is
so before they are there (awslabs/awsome-distributed-ai hyperpod-mental-model.md: 60 to 90)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """One role of a model, as one LeaderWorkerSet of its name, or as a role of the DisaggregatedSet `set_name`.

    `arguments` are the engine's, the same on every rank: what differs between ranks LeaderWorkerSet injects. `sizing`
    is None where the model's facts are unknown. `replicas` are the groups that it begins with; `scaling` is None where
    their number is fixed, and `reclaimed` says that it was an autoscaler's until now. `transfer` says how a phase hands
    the KV cache over; it is None where a group serves both.
    """

    name: str
    role: str
    set_name: str | None
    pool: PoolPlan
    replicas: int
    nodes_per_group: int
    pods_per_node: int
    tensor: int
    pipeline: int
    data: int
    dp_attention: bool
    expert: int
    sizing: Sizing
    image: ImagePlan
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: dict[str, str]
    tuned_files: TunedFiles | None
    store_networks: tuple[str, ...]
    resources: PodResources
    capabilities: tuple[str, ...]
    cache_path: str | None
    weights: WeightsPlan
    probes: ProbePlan
    grace_period_seconds: int
    toleration_seconds: int
    max_unavailable: int
    max_surge: int
    evictable_groups: int
    api_key: bool
    scaling: ScalingPlan | None = None
    reclaimed: bool = False
    transfer: Transfer | None = None

    @property
    def least_replicas(self) -> int:
        """The fewest groups that there may be."""
        return self.scaling.least if self.scaling else self.replicas

    @property
    def most_replicas(self) -> int:
        """The most groups that there may be."""
        return self.scaling.most if self.scaling else self.replicas

    @property
    def members(self) -> dict[str, str]:
        """Labels of its pods."""
        return members(self.name, self.role, self.set_name)

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of one pod."""
        return self.resources.gpus

    @property
    def efa_per_pod(self) -> int:
        """EFA interfaces of one pod: for its group's other nodes, or for the KV cache's way to the other phase."""
        return self.resources.efa

    @property
    def ranks(self) -> int:
        """GPUs of one group: its world size."""
        return self.nodes_per_group * self.gpus_per_pod

    @property
    def gpus(self) -> int:
        """GPUs of all groups."""
        return self.replicas * self.ranks

    @property
    def pods(self) -> int:
        """Pods of all groups."""
        return self.replicas * self.nodes_per_group

    @property
    def nodes(self) -> int:
        """Nodes that all groups take, sharing counted."""
        return self.nodes_of(self.replicas)

    def nodes_of(self, groups: int) -> int:
        """Nodes that so many groups take, sharing counted."""
        return math.ceil(groups * self.nodes_per_group / self.pods_per_node)

    @property
    def privileged(self) -> bool:
        """Whether its pods are privileged, as some transports need."""
        return self.transfer is not None and self.transfer.privileged

    @property
    def staging_path(self) -> str | None:
        """Folder on the node's NVMe that checkpoints are copied to; None where they are not."""
        return f"{self.pool.nvme_path}/{STAGING_FOLDER}" if self.weights.staged else None

    @property
    def ready_minutes(self) -> int:
        """Minutes after which a group that still is not ready never will be: image, weights and warm-up."""
        return PULL_MINUTES + self.weights.staging_minutes + self.probes.startup_minutes

    @property
    def first_minutes(self) -> int:
        """Minutes that the first start may take, where nodes may still be missing."""
        return self.ready_minutes + (NODE_MINUTES if self.pool.substrate == "hyperpod" else 0)

    @property
    def rollout_minutes(self) -> int:
        """Minutes that replacing every group may take, one after the other, each after the one before it has drained.

        More than one at a time takes the alpha feature MaxUnavailableStatefulSet, which EKS does not switch on.
        """
        return self.most_replicas * (self.ready_minutes + math.ceil((self.grace_period_seconds + DRAIN_SECONDS) / 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """A model, resolved. `groups` has one element unless phases are served apart; `router` is None where requests go
    straight to the groups. `companions` are what engines read of the hub beside the model: drafts, adapters. `store` is
    the master of a store for its KV cache that the stack deploys.
    """

    settings: ModelSettings
    facts: ModelFacts
    engine_version: str
    image: ImagePlan
    weights: WeightsPlan
    groups: tuple[GroupPlan, ...]
    router: RouterPlan | None = None
    store: StorePlan | None = None
    namespace: str = NAMESPACE
    companions: tuple[Companion, ...] = ()

    @property
    def name(self) -> str:
        """Name of the model and of what belongs to it."""
        return self.settings.name

    @property
    def mode(self) -> str:
        """How requests reach the groups: `aggregated`, `routed` or `disaggregated`."""
        if self.settings.disaggregation:
            return "disaggregated"
        return "routed" if self.router else "aggregated"

    @property
    def set_name(self) -> str | None:
        """Name of the DisaggregatedSet that makes all groups; None where each role has a LeaderWorkerSet."""
        return self.front.set_name

    @property
    def front(self) -> GroupPlan:
        """The group whose leaders answer requests; where phases are apart, the one that gets them first."""
        return self.groups[0]

    @property
    def pool(self) -> PoolPlan:
        """The pool of the group that answers clients."""
        return self.front.pool

    @property
    def sizing(self) -> Sizing:
        """What a GPU of the group that answers clients holds."""
        return self.front.sizing

    @property
    def replicas(self) -> int:
        """Groups of the role that answers clients."""
        return self.front.replicas

    @property
    def nodes_per_group(self) -> int:
        """Nodes of such a group."""
        return self.front.nodes_per_group

    @property
    def gpus_per_pod(self) -> int:
        """GPUs of one of its pods."""
        return self.front.gpus_per_pod

    @property
    def efa_per_pod(self) -> int:
        """EFA interfaces of one of its pods."""
        return self.front.efa_per_pod

    @property
    def ranks(self) -> int:
        """GPUs of such a group."""
        return self.front.ranks

    @property
    def nodes(self) -> int:
        """Nodes of all roles, sharing counted."""
        return nodes_of(self.groups)

    @property
    def gpus(self) -> int:
        """GPUs of all roles."""
        return sum(group.gpus for group in self.groups)

    @property
    def service(self) -> str:
        """Name of the Service that clients use: the routers', or the leaders'."""
        return self.router.name if self.router else service_name(self.name)

    @property
    def service_account(self) -> str:
        """Service account of the engines: one of its own where it may read a bucket, else the namespace's."""
        return self.name if self.weights.source is WeightsSource.S3 else ENGINE_ACCOUNT

    @property
    def endpoint(self) -> str:
        """Base URL inside the cluster."""
        if self.router:
            return self.router.endpoint
        return direct_endpoint(self.name)

    @property
    def public_endpoint(self) -> str | None:
        """Base URL through the load balancer, where it has a host name; None without an entry or a host."""
        return self.settings.entry.url if self.settings.entry else None

    @property
    def traffic(self) -> dict[str, int]:
        """Shares in percent of the entry's requests by model; empty where they are not split."""
        return self.settings.entry.traffic if self.settings.entry else {}

    @property
    def load_minutes(self) -> float | None:
        """Minutes until every rank has read the weights, or None where it cannot be told."""
        return self.front.probes.load_minutes

    @property
    def grace_period_seconds(self) -> int:
        """Seconds that the slowest role may take to finish its requests."""
        return max(group.grace_period_seconds for group in self.groups)


def direct_endpoint(model: str) -> str:
    """Base URL of a model's leaders inside the cluster."""
    return f"http://{service_name(model)}.{NAMESPACE}.svc.cluster.local:{PORT}/v1"


def nodes_of(groups: Iterable[GroupPlan], count: Callable[[GroupPlan], int] = attrgetter("replicas")) -> int:
    """Nodes that groups take together, `count` of each: pods that take a part of a node share nodes of their pool,
    whatever group they are of.
    """
    parts: dict[str, Fraction] = {}
    whole = 0
    for group in groups:
        pods = count(group) * group.nodes_per_group
        if group.pods_per_node == 1:
            whole += pods
        else:
            parts[group.pool.name] = parts.get(group.pool.name, Fraction(0)) + Fraction(pods, group.pods_per_node)
    return whole + sum(math.ceil(part) for part in parts.values())
