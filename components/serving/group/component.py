"""The groups of a model in the cluster: LeaderWorkerSets of their own, or one DisaggregatedSet that makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.kube import custom_object
from components.serving.group import disaggregated_set as sets
from components.serving.group.objects import API_VERSION, disruption_budget, leader_worker_set, service
from components.serving.names import service_name

if TYPE_CHECKING:
    from components.base import Component
    from components.serving.manifest import Spec
    from components.serving.plan import GroupPlan, ModelPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Makes the groups of a model as children of `owner`.

    `claim_name` is the claim with the weights, `key_secret` the Secret with the clients' key, `annotations` are every
    pod's; groups start after all that is `needed`.
    """

    owner: Component
    plan: ModelPlan
    namespace: pulumi.Input[str]
    claim_name: str | None
    key_secret: str | None
    annotations: Mapping[str, Any]
    needed: Sequence[pulumi.Resource]

    def make(self) -> list[pulumi.Resource]:
        """What is there once all groups answer; of a DisaggregatedSet, once one of each phase does."""
        for group in self.plan.groups:
            k8s.policy.v1.PodDisruptionBudget(
                f"{self.owner.name}-{group.role}-budget",
                metadata=self._metadata(group.name),
                spec=disruption_budget(group),
                opts=self.owner.child(),
            )
        if self.plan.set_name is None:
            return [self._leader_worker_set(group) for group in self.plan.groups]
        made = self._disaggregated_set(self.plan.set_name)
        return [self._service(group, made) for group in self.plan.groups]

    def _leader_worker_set(self, group: GroupPlan) -> pulumi.Resource:
        return custom_object(
            f"{self.owner.name}-{group.role}",
            API_VERSION,
            "LeaderWorkerSet",
            self._metadata(group.name, annotations=_waiting(group)),
            self.owner.child(
                # Plain names and running controllers: account, key, policies, weights, LeaderWorkerSet webhooks.
                depends_on=list(self.needed),
                # The autoscaler's number is not undone by the next update (seen: without this it fails by a conflict).
                ignore_changes=["spec.replicas"] if group.scaling else None,
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{group.first_minutes}m",
                    update=f"{group.rollout_minutes}m",
                    delete=f"{_drain_minutes(group)}m",
                ),
            ),
            spec=self._spec(group),
        )

    def _disaggregated_set(self, name: str) -> pulumi.Resource:
        """It has no condition to wait for: lws v0.10.0 writes nothing into its status."""
        return custom_object(
            f"{self.owner.name}-set",
            sets.API_VERSION,
            sets.KIND,
            self._metadata(name),
            self.owner.child(
                # Plain names and running controllers: account, key, policies, weights, LeaderWorkerSet webhooks.
                depends_on=list(self.needed),
                custom_timeouts=pulumi.CustomTimeouts(
                    delete=f"{max(_drain_minutes(group) for group in self.plan.groups)}m"
                ),
            ),
            spec=sets.disaggregated_set(self.plan.groups, self._spec),
        )

    def _service(self, group: GroupPlan, made: pulumi.Resource) -> pulumi.Resource:
        """The Service of a phase's leaders, which is waited for until one of them is ready."""
        return k8s.core.v1.Service(
            f"{self.owner.name}-{group.role}-service",
            metadata=self._metadata(service_name(group.name)),
            spec=service(group),
            opts=self.owner.child(
                # It is ready only once the set's pods are.
                depends_on=[made],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{group.first_minutes}m"),
            ),
        )

    def _spec(self, group: GroupPlan) -> Spec:
        return leader_worker_set(
            group,
            service_account=self.plan.service_account,
            claim_name=self.claim_name,
            key_secret=self.key_secret,
            annotations=self.annotations,
        )

    def _metadata(self, name: str, **more: Any) -> Spec:
        return {"name": name, "namespace": self.namespace, **more}


def _drain_minutes(group: GroupPlan) -> int:
    return group.grace_period_seconds // 60 + 10


def _waiting(group: GroupPlan) -> dict[str, str]:
    """Waited for until it serves. A number of groups that an autoscaler set is its own until it is taken by force."""
    forced = {"pulumi.com/patchForce": "true"} if group.reclaimed else {}
    return {"pulumi.com/waitFor": "condition=Available", **forced}
