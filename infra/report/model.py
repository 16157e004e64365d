"""Everything that a preview knows, in one object that all forms of the report read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.facts.durations import duration
from infra.offline.recording import Recorded, Recording
from infra.plan.order import WORKLOADS, Estimate, Order, gpus_first, order_of
from infra.plan.savings import Saving, saving_of

if TYPE_CHECKING:
    from components.rules import Problem
    from infra.plan import Plan


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, what the program registers for it, and in which order. `problems` are warnings and advice; `saving` is
    what the order saves against one in which GPU nodes come first, None where there are none. `file` is the name of the
    file of settings.
    """

    plan: Plan
    recording: Recording
    order: Order
    problems: tuple[Problem, ...]
    saving: Saving | None = None
    file: str = ""

    @classmethod
    def of(cls, plan: Plan, recording: Recording, problems: Sequence[Problem] = (), *, file: str = "") -> Preview:
        """Order what was recorded, with the durations that are known."""
        loading = {group.name: group.probes.load_minutes for model in plan.models for group in model.groups}
        loading |= {model.set_name: model.load_minutes for model in plan.models if model.set_name}

        def estimate(resource: Recorded) -> Estimate:
            if resource.type.endswith(WORKLOADS):
                return Estimate(loading.get(resource.inputs["metadata"]["name"]), _LOADING)
            known = duration(resource.type, resource.inputs)
            return Estimate(known.minutes, known.source)

        order = order_of(recording.resources, estimate)
        saving = saving_of(order, order_of(gpus_first(recording.resources), estimate), plan.settings.prices)
        return cls(plan, recording, order, tuple(problems), saving, file or f"Pulumi.{recording.stack}.yaml")

    @property
    def title(self) -> str:
        """What was previewed: the stack, or the file of settings where it is no stack's own."""
        return self.recording.stack if self.file == f"Pulumi.{self.recording.stack}.yaml" else self.file

    @property
    def created(self) -> list[Recorded]:
        """What comes into being: no components, no providers."""
        return [resource for resource in self.recording.resources if resource.creates]

    @property
    def messages(self) -> list[tuple[str, str]]:
        """What the program and the SDK logged beside the problems, which the program logs as well: (level, text)."""
        known = {str(problem) for problem in self.problems}
        return [(level, text) for level, text in self.recording.messages if text not in known]


_LOADING = "weights read at the file system's full throughput; image pull and warm-up are not counted"
