"""Rules of phases that a DisaggregatedSet makes; the one about its controller is in `infra.rules.disaggregation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from components.rules import Finding, Severity
from components.serving.group.disaggregated_set import NAME_ROOM
from components.serving.group.set_rollout import SetRollout, set_rollout
from components.serving.group.settings import LONGEST_GROUP_NAME
from components.serving.names import PREFILL
from components.serving.roles import roles
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_LONGEST_NAME: Final = LONGEST_GROUP_NAME - NAME_ROOM - len(PREFILL)


@rules.of_whole("disaggregation.set-name", source="lws v0.10.0 pkg/utils/disaggregatedset/utils.go: GenerateName")
def names_leave_room_for_the_revision(model: ModelSettings) -> Iterator[Finding]:
    """The controller puts slice, revision and role behind the set's name."""
    if _in_set(model) and len(model.name) > _LONGEST_NAME:
        yield Finding(
            "name",
            f"{model.name} has {len(model.name)} characters, and its DisaggregatedSet would call a LeaderWorkerSet "
            f"{model.name}-0-<revision>-{PREFILL}, too long a name for one to get pods",
            f"use {_LONGEST_NAME} characters at most, or disaggregation.kind: LeaderWorkerSet",
        )


@rules.of_whole(
    "disaggregation.set-start",
    source="lws v0.10.0 disaggregatedset_controller.go: seedForRole; disaggregatedset_webhook.go: spec.replicas",
    severity=Severity.WARNING,
)
def a_scaled_phase_begins_with_one_group(model: ModelSettings) -> Iterator[Finding]:
    """The controller reads the number of a scaled role from its scaler, which begins with one group."""
    for role in roles(model) if _in_set(model) else ():
        scaling = role.settings.autoscaling
        given = "replicas" in role.settings.model_fields_set
        if scaling and scaling.on and given and role.settings.replicas != scaling.min_replicas:
            yield Finding(
                role.path("replicas"),
                f"{role.settings.replicas} counts for nothing: a scaled phase of a DisaggregatedSet begins with one "
                f"group, and KEDA brings it to minReplicas {scaling.min_replicas}",
                f"remove replicas, or set autoscaling.minReplicas: {role.settings.replicas}",
            )


@rules.of_whole(
    "disaggregation.set-outage",
    source="lws v0.10.0 pkg/controllers/disaggregatedset/planner.go, executor.go: scaleDownOld",
    severity=Severity.WARNING,
)
def a_new_version_leaves_groups_of_each_phase(model: ModelSettings) -> Iterator[Finding]:
    """With few groups of one phase a rollout may take all of the other's at once."""
    if not _in_set(model):
        return
    both = roles(model)
    for role, least in zip(
        both, rollout_of(model, [role.settings.groups_at_start for role in both]).least, strict=True
    ):
        groups = role.settings.groups_at_start
        if groups > 1 and not least:
            yield Finding(
                role.path("replicas"),
                f"a new version leaves none of the {groups} {role.name} groups serving while it starts: both phases "
                "change together",
                "use as many groups in both phases, or disaggregation.kind: LeaderWorkerSet",
            )


@rules.of_whole(
    "disaggregation.set-alpha",
    source="kubernetes-sigs/lws keps/766-DisaggregatedSet/kep.yaml; lws v0.10.0 utils.go: ComputeRevision",
    severity=Severity.ADVICE,
)
def the_set_is_young(model: ModelSettings) -> Iterator[Finding]:
    """DisaggregatedSet is alpha, and whatever changes in one phase makes the other anew too."""
    if _in_set(model):
        yield Finding(
            "disaggregation.kind",
            "DisaggregatedSet is alpha: a later LeaderWorkerSet may change it, a change of one phase restarts the "
            "groups of both, and an update does not wait until they are through",
            "use kind: LeaderWorkerSet unless both phases have to change together",
        )


def rollout_of(model: ModelSettings, groups: Sequence[int]) -> SetRollout:
    """The rollout of a DisaggregatedSet with so many groups of each phase."""
    prefill, decode = (role.settings.rollout for role in roles(model))
    unavailable = (prefill.max_unavailable, decode.max_unavailable)
    return set_rollout((groups[0], groups[1]), unavailable, (prefill.max_surge, decode.max_surge))


def _in_set(model: ModelSettings) -> bool:
    return model.disaggregation is not None and model.disaggregation.in_set
