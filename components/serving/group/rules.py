"""Rules of rollouts and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, Severity
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings


@rules.rule("group.rollout-stuck", source="LeaderWorkerSet v0.10.0: rollingUpdateConfiguration")
def a_rollout_can_move(model: ModelSettings) -> Iterator[Finding]:
    """Nothing missing and nothing added leaves no move."""
    if model.rollout.max_unavailable == 0 and model.rollout.max_surge == 0:
        yield Finding(
            "rollout", "maxUnavailable and maxSurge are both 0, so that no group can change", "set maxUnavailable: 1"
        )


@rules.rule(
    "group.rollout-outage", source="LeaderWorkerSet: maxUnavailable groups go at once", severity=Severity.WARNING
)
def a_rollout_leaves_a_group(model: ModelSettings) -> Iterator[Finding]:
    """A rollout that may take all of several groups at once."""
    groups = model.fewest_groups
    if groups > 1 and model.rollout.max_unavailable >= groups:
        yield Finding(
            "rollout.maxUnavailable",
            f"all {groups} groups may be missing at once",
            f"use at most {groups - 1}",
        )


@rules.rule(
    "group.rollout-gate",
    source="kubernetes-sigs/lws installation guide: maxUnavailable above 1 needs MaxUnavailableStatefulSet",
    severity=Severity.WARNING,
)
def several_at_once_needs_a_feature_gate(model: ModelSettings) -> Iterator[Finding]:
    """EKS lets nobody set the gate that makes more than one take effect; a DisaggregatedSet rolls out by scaling."""
    in_set = model.disaggregation is not None and model.disaggregation.in_set
    if not in_set and 1 < model.rollout.max_unavailable < model.most_groups:
        yield Finding(
            "rollout.maxUnavailable",
            f"{model.rollout.max_unavailable} works as 1: the feature gate MaxUnavailableStatefulSet is off on EKS",
            "use 1",
        )


@rules.rule("group.undrainable", source="policy/v1 PodDisruptionBudget", severity=Severity.WARNING)
def nodes_can_be_drained(model: ModelSettings) -> Iterator[Finding]:
    """A budget that allows no eviction makes every node of the model undrainable."""
    if model.disruption_budget.max_unavailable == 0:
        yield Finding(
            "disruptionBudget.maxUnavailable",
            "0 makes the model's nodes undrainable: updates and repairs of nodes stop there",
            "use 1",
        )


@rules.rule("group.evicted-together", source="policy/v1 PodDisruptionBudget", severity=Severity.WARNING)
def drains_leave_a_group(model: ModelSettings) -> Iterator[Finding]:
    """A budget that lets drains take all of several groups."""
    groups = model.fewest_groups
    if groups > 1 and model.disruption_budget.max_unavailable >= groups:
        yield Finding(
            "disruptionBudget.maxUnavailable",
            f"drains may take all {groups} groups at once",
            f"use at most {groups - 1}",
        )


@rules.rule(
    "group.single",
    source="awslabs/awsome-distributed-ai hyperpod-mental-model.md: a node takes 20 to 30 min",
    severity=Severity.ADVICE,
)
def one_group_is_an_outage_away(model: ModelSettings) -> Iterator[Finding]:
    """One group is down for every new image, and for as long as a lost node takes to come back."""
    if model.fewest_groups == 1:
        path = "autoscaling.minReplicas" if model.autoscaling else "replicas"
        yield Finding(path, "one group: a new image or a lost node is an outage", "use 2 where that matters")
