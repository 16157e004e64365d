"""In which order a recorded stack comes into being, and how long that takes. Pure: imports no Pulumi.

A resource starts when everything it needs is there: its dependencies, its provider, and its parent where that is a
resource and no grouping. Durations are estimates with a source each; where there is none the time is unknown, counts as
nothing, and every figure that it takes part in is a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from components.facts.instances import find_instance
from infra.offline.recording import Recorded

WORKLOADS = (":LeaderWorkerSet", ":DisaggregatedSet")
"""How the types end of what runs the models."""
_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
_LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_JOB = "kubernetes:batch/v1:Job"
_HYPERPOD = "aws-native:sagemaker:Cluster"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Minutes that a creation takes, None where nobody knows, and where the figure comes from."""

    minutes: float | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The creation of one resource. `starts` and `ends` are minutes from the beginning; `wave` counts from 1."""

    resource: Recorded
    estimate: Estimate
    wave: int
    starts: float
    ends: float


@dataclass(frozen=True, slots=True)
class GpuWait:
    """How long the GPUs of a resource are paid for before every model on them serves. `counts` are the nodes of each of
    `instances`; `exact` is False for a lower bound, where a duration on the way is unknown.
    """

    resource: Recorded
    instances: tuple[str, ...]
    counts: tuple[int, ...]
    starts: float
    serving: float
    exact: bool

    @property
    def minutes(self) -> float:
        """Minutes between the request for the GPUs and the last model's first answer."""
        return self.serving - self.starts


@dataclass(frozen=True, slots=True)
class Order:
    """The creation of a stack: steps by URN in an order that works, the longest path, and what GPUs wait for."""

    steps: Mapping[str, Step]
    critical_path: tuple[Step, ...]
    gpu_waits: tuple[GpuWait, ...]

    @property
    def waves(self) -> list[list[Step]]:
        """What can be created at the same time, first to last."""
        waves: dict[int, list[Step]] = {}
        for step in self.steps.values():
            waves.setdefault(step.wave, []).append(step)
        return [waves[number] for number in sorted(waves)]

    @property
    def minutes(self) -> float:
        """Minutes until everything is created, by the durations that are known."""
        return max((step.ends for step in self.steps.values()), default=0)

    @property
    def unknown(self) -> tuple[Step, ...]:
        """The steps of the critical path whose duration is unknown, so that `minutes` leaves them out."""
        return tuple(step for step in self.critical_path if step.estimate.minutes is None)


class CycleError(ValueError):
    """The recorded dependencies lead back to where they began."""


def order_of(resources: Sequence[Recorded], duration_of: Callable[[Recorded], Estimate]) -> Order:
    """Order the creation of `resources`; the creation of a LeaderWorkerSet ends when it serves. Raises `CycleError`."""
    needs = _needs(resources)
    steps: dict[str, Step] = {}
    latest: dict[str, Step | None] = {}
    reached: dict[str, tuple[int, float]] = {}
    for resource in _sorted(resources, needs):
        before = needs[resource.urn]
        wave = max((reached[urn][0] for urn in before), default=0)
        starts = max((reached[urn][1] for urn in before), default=0.0)
        last = max((step for urn in before if (step := latest[urn])), key=lambda step: step.ends, default=None)
        if resource.creates:
            estimate = duration_of(resource)
            last = Step(resource, estimate, wave + 1, starts, starts + (estimate.minutes or 0))
            steps[resource.urn] = last
            wave, starts = last.wave, last.ends
        latest[resource.urn] = last
        reached[resource.urn] = (wave, starts)
    return Order(steps, _critical_path(steps, needs, latest), _gpu_waits(steps, needs))


def gpus_first(resources: Sequence[Recorded]) -> list[Recorded]:
    """The same resources in the order that a person would take one after the other: GPU nodes as soon as they can be,
    and only then whatever else the models need (file system, weights, operators).

    What the GPU nodes themselves need comes before them, but not the weights, for which settings may let them wait;
    what no model needs is where it was.
    """
    jobs = {resource.urn for resource in resources if resource.type == _JOB}
    resources = [
        resource
        if resource.type.endswith(WORKLOADS)
        else replace(resource, depends_on=tuple(urn for urn in resource.depends_on if urn not in jobs))
        for resource in resources
    ]
    needs = _needs(resources)
    by_urn = {resource.urn: resource for resource in resources}
    gpus = [urn for urn, resource in by_urn.items() if any(_gpu_nodes(resource, by_urn))]
    models = [urn for urn, resource in by_urn.items() if resource.type.endswith(WORKLOADS)]
    before_gpus, before_models = _ancestors(gpus, needs), _ancestors(models, needs)
    later = {urn for urn in before_models - before_gpus - {*gpus} if by_urn[urn].creates}
    return [
        replace(resource, depends_on=(*resource.depends_on, *gpus)) if resource.urn in later else resource
        for resource in resources
    ]


def _ancestors(ends: Iterable[str], needs: Mapping[str, set[str]]) -> set[str]:
    """Everything that `ends` wait for."""
    seen: set[str] = set()
    queue = [before for urn in ends for before in needs[urn]]
    while queue:
        urn = queue.pop()
        if urn not in seen:
            seen.add(urn)
            queue += needs[urn]
    return seen


def _needs(resources: Sequence[Recorded]) -> dict[str, set[str]]:
    """By URN, the resources that must be there first. A remote component is there once its children are.

    A component registers only after what it depends on, and its children after it: so they inherit its dependencies.
    """
    components = {resource.urn: resource for resource in resources if resource.component}
    known = {resource.urn for resource in resources}
    needs: dict[str, set[str]] = {}
    for resource in resources:
        before = {*resource.depends_on, resource.provider or ""}
        ancestor = resource.parent
        while ancestor in components:
            before |= {*components[ancestor].depends_on}
            ancestor = components[ancestor].parent
        needs[resource.urn] = (before | {ancestor or ""}) & known
    for resource in resources:
        if resource.made_by and resource.parent in needs:
            needs[resource.parent].add(resource.urn)
    return needs


def _sorted(resources: Sequence[Recorded], needs: Mapping[str, set[str]]) -> Iterator[Recorded]:
    """Topological order; among equals, the order of registration."""
    by_urn = {resource.urn: resource for resource in resources}
    left = {urn: len(before) for urn, before in needs.items()}
    behind: dict[str, list[str]] = {}
    for urn in by_urn:
        for earlier in needs[urn]:
            behind.setdefault(earlier, []).append(urn)
    ready = [urn for urn in by_urn if not left[urn]]
    done = 0
    while ready:
        following: list[str] = []
        for urn in ready:
            done += 1
            yield by_urn[urn]
            for later in behind.get(urn, ()):
                left[later] -= 1
                if not left[later]:
                    following.append(later)
        ready = following
    if done < len(by_urn):
        stuck = sorted(by_urn[urn].name for urn, count in left.items() if count)
        raise CycleError(f"these resources wait for each other: {', '.join(stuck)}")


def _critical_path(
    steps: Mapping[str, Step], needs: Mapping[str, set[str]], latest: Mapping[str, Step | None]
) -> tuple[Step, ...]:
    path: list[Step] = []
    current = max(steps.values(), key=lambda step: step.ends, default=None)
    while current is not None:
        path.append(current)
        before = [step for urn in needs[current.resource.urn] if (step := latest[urn])]
        current = max(before, key=lambda step: (step.ends, step.wave, step.resource.urn), default=None)
    return tuple(reversed(path))


def _gpu_waits(steps: Mapping[str, Step], needs: Mapping[str, set[str]]) -> tuple[GpuWait, ...]:
    made = {urn: step.resource for urn, step in steps.items()}
    gpus = [(step, nodes) for step in steps.values() if (nodes := list(_gpu_nodes(step.resource, made)))]
    workloads = [step for step in steps.values() if step.resource.type.endswith(WORKLOADS)]
    if not workloads:
        return ()
    last = (*workloads, *(step for step, _ in gpus))
    serving = max(step.ends for step in last)
    exact = _all_known(last, steps, needs)
    return tuple(
        GpuWait(
            step.resource,
            tuple(type_ for type_, _ in nodes),
            tuple(count for _, count in nodes),
            step.starts,
            serving,
            exact,
        )
        for step, nodes in gpus
    )


def _all_known(ends: Iterable[Step], steps: Mapping[str, Step], needs: Mapping[str, set[str]]) -> bool:
    urns = [step.resource.urn for step in ends]
    return all(steps[urn].estimate.minutes is not None for urn in (*urns, *_ancestors(urns, needs)) if urn in steps)


def _gpu_nodes(resource: Recorded, made: Mapping[str, Recorded]) -> Iterator[tuple[str, int]]:
    """The instance types with GPUs of the nodes that a resource brings, and how many of each."""
    for name, count in _nodes(resource, made):
        found = find_instance(name)
        if found is not None and found.gpu is not None:
            yield name, count


def _nodes(resource: Recorded, made: Mapping[str, Recorded]) -> Iterator[tuple[str, int]]:
    """A node group may leave its type to its launch template."""
    if resource.type == _HYPERPOD:
        for group in resource.inputs.get("instanceGroups", []):
            yield str(group.get("instanceType")), group.get("instanceCount", 0)
    elif resource.type == _NODE_GROUP:
        templates = (made[urn] for urn in resource.depends_on if urn in made)
        named = (t.inputs.get("instanceType") for t in templates if t.type == _LAUNCH_TEMPLATE)
        count = resource.inputs.get("scalingConfig", {}).get("desiredSize", 0)
        for name in resource.inputs.get("instanceTypes") or (str(name) for name in named if name):
            yield name, count
