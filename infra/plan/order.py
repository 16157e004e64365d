"""In which order a recorded stack comes into being, and how long that takes. Pure: imports no Pulumi.

A resource starts when everything it needs is there: its dependencies, its provider, and its parent where that is a
resource and no grouping. Durations are estimates with a source each; where there is none the time is unknown, counts as
nothing, and every figure that it takes part in is a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.facts.instances import find_instance
from infra.offline.recording import Recorded

LEADER_WORKER_SET = "LeaderWorkerSet"
_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
_LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
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
    """How long the GPUs of a resource are paid for before every model on them serves. `exact` is False for a lower
    bound, where a duration on the way is unknown.
    """

    resource: Recorded
    instances: tuple[str, ...]
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
    gpus = [(step, types) for step in steps.values() if (types := tuple(_gpu_instances(step.resource, steps)))]
    workloads = [step for step in steps.values() if step.resource.type.endswith(f":{LEADER_WORKER_SET}")]
    if not workloads:
        return ()
    last = (*workloads, *(step for step, _ in gpus))
    serving = max(step.ends for step in last)
    exact = _all_known(last, steps, needs)
    return tuple(GpuWait(step.resource, types, step.starts, serving, exact) for step, types in gpus)


def _all_known(ends: Iterable[Step], steps: Mapping[str, Step], needs: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    queue = [step.resource.urn for step in ends]
    while queue:
        urn = queue.pop()
        if urn in seen:
            continue
        seen.add(urn)
        if urn in steps and steps[urn].estimate.minutes is None:
            return False
        queue += needs[urn]
    return True


def _gpu_instances(resource: Recorded, steps: Mapping[str, Step]) -> Iterator[str]:
    for name in _instance_types(resource, steps):
        found = find_instance(name)
        if found is not None and found.gpu is not None:
            yield name


def _instance_types(resource: Recorded, steps: Mapping[str, Step]) -> Iterator[str]:
    """Instance types of the nodes that a resource brings; a node group may leave them to its launch template."""
    if resource.type == _HYPERPOD:
        yield from (str(group.get("instanceType")) for group in resource.inputs.get("instanceGroups", []))
    elif resource.type == _NODE_GROUP:
        templates = (steps[urn].resource for urn in resource.depends_on if urn in steps)
        named = (t.inputs.get("instanceType") for t in templates if t.type == _LAUNCH_TEMPLATE)
        yield from resource.inputs.get("instanceTypes") or (str(name) for name in named if name)
