"""Both phases as one DisaggregatedSet, with its real controller: what it makes, scales, rolls out and refuses."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from components.monitoring.dashboards.parts import GroupPart
from components.serving.disaggregation.set_rules import rollout_of
from components.serving.group.disaggregated_set import API_VERSION, KIND, SCALER_KIND
from components.serving.group.labels import ROLE_LABEL, SET_LABEL
from components.serving.names import NAMESPACE
from components.serving.plan import GroupPlan, ModelPlan
from tests.cluster.client import Manifest, RefusedError, labels_of, name_of
from tests.cluster.control_plane import scales_roles
from tests.cluster.deployment import RANK, Deployment, identities, is_ready
from tests.cluster.program import SET
from tests.cluster.selectors import selects

pytestmark = pytest.mark.stacks(SET)

REVISION = "disaggregatedset.x-k8s.io/revision"
needs_scalers = pytest.mark.skipif(
    not scales_roles(), reason="cluster tier: `make tools` has not made lws-0.10, and 0.9 scales no role"
)


def test_a_set_makes_one_leader_worker_set_of_each_phase(deployed: Deployment):
    for model in deployed.program.plan.models:
        made = [deployed.leader_worker_set(group) for group in model.groups]
        assert len({labels_of(each)[REVISION] for each in made}) == 1
        for group, each in zip(model.groups, made, strict=True):
            assert labels_of(each) | {SET_LABEL: model.name, ROLE_LABEL: group.role} == labels_of(each)
            assert each["spec"]["replicas"] == group.replicas
            (owner,) = each["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["name"], owner["controller"]) == (KIND, model.name, True)


@needs_scalers
def test_the_dashboards_know_its_stateful_sets(deployed: Deployment):
    for group in deployed.engines:
        part = GroupPart(lws=group.name, role=group.role, groups=1, pods=1, set_name=group.set_name)
        assert re.fullmatch(part.stateful_set, name_of(deployed.leader_worker_set(group)))


def test_a_budget_counts_every_pod_of_its_phase(deployed: Deployment):
    for group in deployed.engines:
        live = deployed.client.get("policy/v1", "PodDisruptionBudget", group.name, NAMESPACE)
        assert live["status"]["expectedPods"] == group.pods


def test_the_service_of_a_phase_leads_to_its_leaders(deployed: Deployment):
    pods = deployed.client.find_all("v1", "Pod", NAMESPACE)
    for group in deployed.engines:
        service = deployed.client.get("v1", "Service", f"{group.name}-api", NAMESPACE)
        found = {name_of(pod) for pod in pods if selects({"matchLabels": service["spec"]["selector"]}, labels_of(pod))}
        assert found == {name_of(leader) for leader in deployed.leaders(group)}


def test_what_the_controller_does_not_know_is_refused(deployed: Deployment):
    bad = copy.deepcopy(_manifests(deployed)[0])
    rolling = bad["spec"]["roles"][0]["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]
    rolling["partition"] = 1
    with pytest.raises(RefusedError, match="partition is not supported by DisaggregatedSet"):
        deployed.client.apply(bad, dry_run=True, force=True)


@needs_scalers
def test_a_phase_scales_by_its_scaler_and_the_other_stays(deployed: Deployment):
    model, decode = _scaled(deployed)
    others = identities(pod for group in deployed.engines if group is not decode for pod in deployed.ranks(group))
    scaler = deployed.client.get(API_VERSION, SCALER_KIND, decode.name, NAMESPACE)
    with pytest.raises(RefusedError):
        deployed.client.get(API_VERSION, SCALER_KIND, model.groups[0].name, NAMESPACE)
    try:
        deployed.client.merge(scaler, {"spec": {"replicas": 2}}, subresource="scale")
        deployed.client.wait("two decode groups serve", lambda: deployed.serving(decode) == 2)
        deployed.client.wait("the scaler has seen both", lambda: _scale(deployed, decode)["status"]["replicas"] == 2)
        selector = dict(part.split("=") for part in _scale(deployed, decode)["status"]["selector"].split(","))
        leading = deployed.client.find_all("v1", "Pod", NAMESPACE, selector)
        assert identities(leading) == identities(deployed.leaders(decode))
        deployed.client.apply(next(each for each in _manifests(deployed) if name_of(each) == model.name))
        assert _scale(deployed, decode)["spec"]["replicas"] == 2, "another apply leaves the number alone"
    finally:
        deployed.client.merge(scaler, {"spec": {"replicas": 1}}, subresource="scale")
    deployed.settle()
    now = identities(pod for group in deployed.engines if group is not decode for pod in deployed.ranks(group))
    assert now == others


def test_a_change_of_one_phase_rolls_both_out_together(deployed: Deployment):
    for planned in _manifests(deployed):
        model = next(each for each in deployed.program.plan.models if each.name == name_of(planned))
        rollout = Rollout(deployed, model)
        deployed.client.apply(_with_tag(planned, "decode", "next"))
        try:
            rollout.watch(lambda model=model: _images(deployed, model.groups[1]) == {"next"})
        finally:
            back = Rollout(deployed, model)
            deployed.client.apply(planned)
            back.watch(lambda model=model: "next" not in _images(deployed, model.groups[1]))
        for each in (rollout, back):
            assert not each.old & identities(pod for group in model.groups for pod in deployed.ranks(group))
            # The controller takes one phase's groups away right after the other's: in seconds on a busy machine.
            assert each.alone < 5, "one phase of a version ran without the other"
            groups = [group.replicas for group in model.groups]
            for fewest, least in zip(each.fewest, rollout_of(model.settings, groups).least, strict=True):
                assert fewest >= least


@dataclass
class Rollout:
    """Watches a version replace another one: `fewest` are the groups that served of each phase meanwhile, `alone` the
    most seconds in which the old version had groups of one phase and none of the other.
    """

    deployed: Deployment
    model: ModelPlan
    old: set[str] = field(init=False)
    revision: str = field(init=False)
    fewest: list[int] = field(init=False)
    alone: float = 0

    def __post_init__(self) -> None:
        groups = self.model.groups
        self.old = identities(pod for group in groups for pod in self.deployed.ranks(group))
        self.revision = labels_of(self.deployed.leader_worker_set(groups[0]))[REVISION]
        self.fewest = [group.replicas for group in groups]

    def watch(self, new: Callable[[], bool]) -> None:
        """Until the new version alone is there and whole."""
        looks = iter(self._looks())
        self.deployed.client.wait(
            f"{self.model.name} is rolled out",
            lambda: next(looks) and new() and all(self.deployed.whole(group) for group in self.model.groups),
            120,
            pause=0,
        )

    def _looks(self) -> Iterator[bool]:
        since = time.monotonic()
        while True:
            made = self.deployed.client.find_all(
                "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", NAMESPACE, {SET_LABEL: self.model.name}
            )
            left = [each["spec"]["replicas"] > 0 for each in made if labels_of(each)[REVISION] == self.revision]
            if any(left) == all(left):
                since = time.monotonic()
            self.alone = max(self.alone, time.monotonic() - since)
            for index, group in enumerate(self.model.groups):
                self.fewest[index] = min(self.fewest[index], self.deployed.serving(group))
            yield len(made) == len(self.model.groups) and not left


def _manifests(deployed: Deployment) -> list[Manifest]:
    return deployed.of_kind(KIND)


def _scaled(deployed: Deployment) -> tuple[ModelPlan, GroupPlan]:
    return next((model, group) for model in deployed.program.plan.models for group in model.groups if group.scaling)


def _scale(deployed: Deployment, group: GroupPlan) -> Manifest:
    return deployed.client.get(API_VERSION, SCALER_KIND, group.name, NAMESPACE)


def _with_tag(manifest: Manifest, role: str, tag: str) -> Manifest:
    """The same with another version of one phase's image."""
    changed = copy.deepcopy(manifest)
    (found,) = [each["spec"]["leaderWorkerTemplate"] for each in changed["spec"]["roles"] if each["name"] == role]
    for template in (found[name] for name in ("leaderTemplate", "workerTemplate") if name in found):
        container = template["spec"]["containers"][0]
        container["image"] = f"{container['image'].partition('@')[0].rpartition(':')[0]}:{tag}"
    return changed


def _images(deployed: Deployment, group: GroupPlan) -> set[str]:
    ready = [pod for pod in deployed.ranks(group) if is_ready(pod) and labels_of(pod)[RANK]]
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in ready}
