"""What happens to the groups when pods, nodes and versions come and go."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from components.serving.plan import GroupPlan
from tests.cluster import nodes
from tests.cluster.client import Manifest, NeverHappenedError, RefusedError, name_of
from tests.cluster.control_plane import GRACE_SECONDS
from tests.cluster.deployment import Deployment, identities, is_leaving, status_of

OUT_OF_SERVICE = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
"""The taint by which a person says that a silent node is off: its pods may be started elsewhere."""

GARBAGE_COLLECTION_SECONDS = 20
"""How often the pod garbage collector looks at such nodes."""


def test_a_deleted_rank_takes_its_group_and_no_other(deployed: Deployment):
    for engine in deployed.engines:
        before = identities(deployed.ranks(engine))
        group = identities(deployed.ranks(engine, 0))
        deployed.client.delete(deployed.ranks(engine, 0)[-1])
        _await_new(deployed, engine, group)
        assert before - group <= identities(deployed.ranks(engine)), "another group was disturbed"


def test_a_rank_that_restarts_takes_its_group(deployed: Deployment):
    for engine in deployed.engines:
        group = identities(deployed.ranks(engine, 0))
        rank = deployed.ranks(engine, 0)[-1]
        restarted = [{**each, "restartCount": 1} for each in rank["status"]["containerStatuses"]]
        deployed.client.merge(rank, {"status": {"containerStatuses": restarted}}, subresource="status")
        if engine.nodes_per_group > 1:
            _await_new(deployed, engine, group)
        else:
            # A group of one has no peers that its rank could lose: the kubelet's own restart is enough.
            deployed.client.wait("the group is ready", lambda each=engine: deployed.whole(each))


def test_a_silent_node_gives_its_group_up_in_the_promised_time(deployed: Deployment):
    engine = _with_spare_node(deployed)
    group = deployed.ranks(engine, 0)
    silent = group[-1]["spec"]["nodeName"]
    others = identities(deployed.ranks(engine)) - identities(group)
    nodes.silence(deployed.client, silent)
    try:
        deployed.client.wait(
            "the ranks of the silent node's group are given up",
            lambda: all(is_leaving(pod) for pod in _of(deployed, engine, identities(group))),
            GRACE_SECONDS + engine.toleration_seconds + 10,
        )
        node = deployed.client.get("v1", "Node", silent)
        taints = {"spec": {"taints": [*node["spec"]["taints"], OUT_OF_SERVICE]}}
        deployed.client.merge(node, taints)
        deployed.client.wait(
            "the group is whole again on other nodes",
            lambda: deployed.whole(engine) and silent not in deployed.hosts(deployed.ranks(engine)),
            GARBAGE_COLLECTION_SECONDS + 15,
        )
        assert others <= identities(deployed.ranks(engine)), "another group was disturbed"
    finally:
        with deployed.without([silent]):
            pass


def test_a_drain_takes_no_more_groups_than_the_budget_allows(deployed: Deployment):
    for engine in deployed.engines:
        with _cordoned(deployed, engine):
            evictable = min(engine.evictable_groups, engine.replicas)
            for replica in range(evictable):
                deployed.client.evict(deployed.ranks(engine, replica)[-1])
                deployed.client.wait(
                    f"group {replica} of {engine.name} is down",
                    lambda each=engine, gone=replica: deployed.serving(each) == each.replicas - gone - 1,
                )
            for pod in (
                each for replica in range(evictable, engine.replicas) for each in deployed.ranks(engine, replica)
            ):
                with pytest.raises(RefusedError, match="disruption budget"):
                    deployed.client.evict(pod)
        deployed.settle()


def test_a_new_version_replaces_every_group_and_keeps_the_promised_number(deployed: Deployment):
    for engine in deployed.engines:
        old = identities(deployed.ranks(engine))
        with _changed(deployed, engine, _with_tag(_manifest(deployed, engine), "next")):
            fewest = _roll(deployed, engine, old)
            assert fewest >= engine.replicas - engine.max_unavailable
            _await_condition(deployed, engine, available=True)


def test_a_surge_without_a_spare_node_stands_still(deployed: Deployment):
    """Why the settings refuse it: the group that is added has no node, and nothing else moves."""
    engine = next(each for each in deployed.engines if not deployed.spare(each))
    surging = _with_tag(_manifest(deployed, engine), "next")
    surging["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"] = {"maxSurge": 1, "maxUnavailable": 0}
    with _changed(deployed, engine, surging):
        deployed.client.wait("the added group has no node", deployed.pending)
        with pytest.raises(NeverHappenedError):
            _roll(deployed, engine, set(), seconds=3)


def test_a_version_that_cannot_start_leaves_the_other_groups_serving(deployed: Deployment):
    for engine in (each for each in deployed.engines if each.replicas > 1):
        broken = _with_tag(_manifest(deployed, engine), "next")
        for template in _templates(broken):
            template["spec"]["nodeSelector"] = {"no-such": "node"}
        with _changed(deployed, engine, broken):
            deployed.client.wait("a rank is pending", deployed.pending)
            _await_condition(deployed, engine, available=False)
            assert deployed.serving(engine) == engine.replicas - engine.max_unavailable


def _roll(deployed: Deployment, engine: GroupPlan, old: set[str], seconds: float = 60) -> int:
    """Wait until every rank runs and none of the `old` ones; gives the fewest replicas that served meanwhile."""
    fewest = [engine.replicas]

    def rolled() -> bool:
        fewest.append(deployed.serving(engine))
        return deployed.whole(engine) and not old & identities(deployed.ranks(engine))

    # A simulated group is made anew within half a second: who looks now and then sees none missing.
    deployed.client.wait(f"{engine.name} runs the new version", rolled, seconds, pause=0)
    return min(fewest)


@contextmanager
def _changed(deployed: Deployment, engine: GroupPlan, manifest: Manifest) -> Iterator[None]:
    """The LeaderWorkerSet changed for a while, and every group of its own version again afterwards."""
    planned = _manifest(deployed, engine)
    deployed.client.apply(manifest)
    try:
        yield
    finally:
        deployed.client.apply(planned)
        deployed.client.wait(f"{engine.name} is back", lambda: _runs(deployed, engine, planned), 60)


def _await_condition(deployed: Deployment, engine: GroupPlan, *, available: bool) -> None:
    deployed.client.wait(
        f"{engine.name} is {'' if available else 'not '}Available",
        lambda: (status_of(deployed, engine, "Available") == "True") == available,
    )


def _await_new(deployed: Deployment, engine: GroupPlan, old: set[str]) -> None:
    """Wait until the engine is whole and none of the `old` pods is left."""
    deployed.client.wait(
        f"every rank of the group of {engine.name} is made anew",
        lambda: deployed.whole(engine) and not old & identities(deployed.ranks(engine)),
    )


def _of(deployed: Deployment, engine: GroupPlan, wanted: set[str]) -> list[Manifest]:
    return [pod for pod in deployed.ranks(engine) if identities([pod]) <= wanted]


def _with_spare_node(deployed: Deployment) -> GroupPlan:
    """A group that has somewhere else to go."""
    for engine in deployed.engines:
        if deployed.spare(engine):
            return engine
    pytest.skip(f"{deployed.program.stack}: no pool has a spare node")


@contextmanager
def _cordoned(deployed: Deployment, engine: GroupPlan) -> Iterator[None]:
    """No node of the pool takes a pod meanwhile, so that an evicted group stays down."""
    pool = [machine.name for machine in deployed.program.machines if machine.pool == engine.pool.name]
    _cordon(deployed, pool, closed=True)
    try:
        yield
    finally:
        _cordon(deployed, pool, closed=False)


def _cordon(deployed: Deployment, names: list[str], *, closed: bool) -> None:
    for name in names:
        node = deployed.client.get("v1", "Node", name)
        deployed.client.merge(node, {"spec": {"unschedulable": closed}})


def _manifest(deployed: Deployment, engine: GroupPlan) -> Manifest:
    return next(each for each in deployed.of_kind("LeaderWorkerSet") if name_of(each) == engine.name)


def _templates(manifest: Manifest) -> list[Manifest]:
    template = manifest["spec"]["leaderWorkerTemplate"]
    return [template[name] for name in ("leaderTemplate", "workerTemplate") if name in template]


def _with_tag(manifest: Manifest, tag: str) -> Manifest:
    """The same with another version of the engine's image."""
    changed = copy.deepcopy(manifest)
    for template in _templates(changed):
        container = template["spec"]["containers"][0]
        container["image"] = f"{container['image'].partition('@')[0].rpartition(':')[0]}:{tag}"
    return changed


def _runs(deployed: Deployment, engine: GroupPlan, manifest: Manifest) -> bool:
    wanted = _templates(manifest)[-1]["spec"]["containers"][0]["image"]
    running = {pod["spec"]["containers"][0]["image"] for pod in deployed.ranks(engine)}
    return deployed.whole(engine) and running == {wanted}
