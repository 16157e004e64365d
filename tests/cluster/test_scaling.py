"""Scaling is played: KEDA and the real autoscaler move groups by what a small Prometheus says, within the limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from components.serving.autoscaling.queries import ITL, KV_USAGE, QUEUE, RUNNING, TTFT
from components.serving.names import NAMESPACE
from components.serving.plan import GroupPlan
from infra.cli.source import Source
from tests.cluster import keda
from tests.cluster.access import Account
from tests.cluster.client import Manifest, RefusedError, name_of
from tests.cluster.control_plane import KEDA, ControlPlane, control_plane, missing
from tests.cluster.deployment import Deployment
from tests.cluster.program import ROOT, program_of
from tests.cluster.prometheus import Prometheus, prometheus

SIGNALS = {"queue": QUEUE, "kv_usage": KV_USAGE, "ttft": TTFT, "itl": ITL, "wanted": RUNNING}
"""By the series that a question names first: whether a group is wanted begins with the requests that run."""
DOWN_SECONDS = 4
"""The shortest lull that the test's settings call a lull."""

QUICK = {
    "stabilisation": {"upSeconds": 0, "downSeconds": DOWN_SECONDS, "downPeriodSeconds": 1},
    "fallback": {"failures": 1},
}
SCALED = {"minReplicas": 1, "maxReplicas": 3, "triggers": {"queuedRequests": 10, "kvUsage": 0.8}, **QUICK}
"""Its weights are copied to the nodes first, so that pods with a container before the engine are admitted too."""

APART = {
    "name": "apart",
    "model": "Qwen/Qwen3-4B",
    "contextLength": 16384,
    "router": {},
    "disaggregation": {
        "transport": "mooncake-tcp",
        "ratio": {"leastDecodePerPrefill": 1, "mostDecodePerPrefill": 2},
        "prefill": {
            "nodePool": "phases",
            "parallelism": {"tensor": 4},
            "packing": {"gpusPerPod": 4},
            "autoscaling": {"maxReplicas": 2, **QUICK},
        },
        "decode": {
            "nodePool": "phases",
            "parallelism": {"tensor": 4},
            "packing": {"gpusPerPod": 4},
            "autoscaling": {"maxReplicas": 4, **QUICK},
        },
    },
}
"""Phases of one node each; two decode groups at most for each prefill group, and one at least."""


SLEEPER = {
    "name": "sleeper",
    "model": "Qwen/Qwen3-4B",
    "contextLength": 16384,
    "nodePool": "naps",
    "parallelism": {"tensor": 4},
    "packing": {"gpusPerPod": 4},
    "autoscaling": {"minReplicas": 0, "maxReplicas": 2, **QUICK},
}
"""A model of one node, which may have no group."""

SOON = {"pollingInterval": 1, "cooldownPeriod": DOWN_SECONDS, "initialCooldownPeriod": DOWN_SECONDS}
"""In the place of the minutes that settings allow."""

GATEWAY = {"keys": [{"name": "team-a", "secret": "teamA"}], "routes": {"sleeper": {"fallbacks": ["qwen3-8b"]}}}


@dataclass(frozen=True, slots=True)
class Scaled:
    """A stack whose first model scales between one and three groups of two nodes, on six nodes, whose second one has
    phases that scale on six nodes of their own, and whose third one may have no group; and what moves them.
    """

    plane: ControlPlane
    cluster: Deployment
    prometheus: Prometheus

    @property
    def model(self) -> GroupPlan:
        """The groups of the first model."""
        return self.cluster.engines[0]

    @property
    def phases(self) -> list[GroupPlan]:
        """Prefill and decode of the second one."""
        return self.cluster.engines[1:3]

    @property
    def sleeper(self) -> GroupPlan:
        """The groups of the third one."""
        return self.cluster.engines[3]

    def groups(self, engine: GroupPlan | None = None) -> int:
        """The number that the autoscaler last set, of the first model unless another is named."""
        return self.cluster.leader_worker_set(engine or self.model)["spec"]["replicas"]

    def says(self, engine: GroupPlan | None = None, **signals: float | None) -> None:
        """What the engines report from now on, over all groups: nothing to do, but for these `signals`; None: they
        report nothing of it.
        """
        lws = (engine or self.model).name
        for name, metric in SIGNALS.items():
            self.prometheus.values.pop((lws, metric), None)
            value = signals.get(name, 0)
            if value is not None:
                self.prometheus.values[lws, metric] = value

    def comes_to(self, groups: int, engine: GroupPlan | None = None, seconds: float = 40) -> int:
        """Wait until there are so many groups, each with every rank ready: how many there are then."""
        scaled = engine or self.model
        self.plane.client.wait(
            f"{scaled.name} has {groups} groups",
            lambda: self.groups(scaled) == groups and self.cluster.serving(scaled) == groups,
            seconds,
        )
        return self.groups(scaled)

    def seen_for(self, seconds: float, engine: GroupPlan | None = None) -> set[int]:
        """Every number of groups that is seen until the time is over, of the first model unless another is named."""
        until, seen = time.monotonic() + seconds, {self.groups(engine)}
        while time.monotonic() < until:
            seen.add(self.groups(engine))
            time.sleep(0.3)
        return seen

    def leaves(self) -> None:
        """Nobody wants the third model any more, and its last group goes."""
        self.says(self.sleeper)
        self.comes_to(0, self.sleeper)


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    if absent := [*missing(), *keda.missing()]:
        pytest.skip(f"cluster tier: `make tools` has not made {', '.join(absent)}")
    file = tmp_path_factory.mktemp("scaled") / "Pulumi.scaled.yaml"
    file.write_text(yaml.safe_dump({"config": _settings()}))
    planned = program_of(Source(file, "scaled"))
    (release,) = [each for each in planned.recording.resources if each.name == "keda-release"]
    with control_plane() as plane, prometheus() as metrics:
        keda.install(plane, release.inputs["values"])
        cluster = Deployment(replace(planned, prometheus=metrics.url), plane.client)
        stack = Scaled(plane, cluster, metrics)
        for engine in cluster.engines:
            stack.says(engine)
        cluster.apply()
        for manifest in cluster.of_kind("ScaledObject"):
            if manifest["metadata"]["name"] == stack.sleeper.name:
                plane.client.apply({**manifest, "spec": {**manifest["spec"], **SOON}})
        yield stack


def _settings() -> dict[str, Any]:
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    config["sglang-hyperpod:nodePools"][0]["nodes"] = 6
    config["sglang-hyperpod:nodePools"].append({**config["sglang-hyperpod:nodePools"][0], "name": "phases"})
    config["sglang-hyperpod:models"][0] |= {"autoscaling": SCALED, "weights": {"staging": True}}
    config["sglang-hyperpod:nodePools"].append({**config["sglang-hyperpod:nodePools"][0], "name": "naps", "nodes": 2})
    config["sglang-hyperpod:models"] += [APART, SLEEPER]
    config |= {"sglang-hyperpod:gateway": GATEWAY, "sglang-hyperpod:teamA": {"secure": "v1:not-read"}}
    return config


def test_keda_takes_every_scaled_object_and_asks_for_what_it_says(scaled: Scaled) -> None:
    client = scaled.plane.client
    for manifest in scaled.cluster.of_kind("ScaledObject"):
        assert client.wait(
            f"{name_of(manifest)} is Ready", lambda each=manifest: _is_ready(scaled.cluster.live(each)), 30
        )
    prefill, decode = (engine.name for engine in scaled.phases)
    asked = {
        *((scaled.model.name, metric) for metric in (QUEUE, KV_USAGE)),
        *((prefill, metric) for metric in (QUEUE, TTFT)),
        *((decode, metric) for metric in (QUEUE, KV_USAGE, ITL)),
    }
    assert client.wait("every signal has been asked for", lambda: asked <= scaled.prometheus.asked, 30)


def test_one_group_has_one_scaler(scaled: Scaled) -> None:
    manifest = scaled.cluster.of_kind("ScaledObject")[0]
    second = {**manifest, "metadata": {**manifest["metadata"], "name": "second"}}
    with pytest.raises(RefusedError, match="is already managed by the"):
        scaled.plane.client.apply(second, dry_run=True)


def test_a_longer_queue_brings_groups_up_to_the_limit_and_not_beyond(scaled: Scaled) -> None:
    scaled.comes_to(1)
    scaled.says(queue=15)
    assert scaled.comes_to(2) == 2
    scaled.says(queue=1000)
    assert scaled.comes_to(3) == 3
    assert scaled.seen_for(3) == {3}
    assert scaled.cluster.pending() == []


def test_another_apply_leaves_the_number_alone(scaled: Scaled) -> None:
    scaled.says(queue=1000)
    scaled.comes_to(3)
    manifest = scaled.cluster.of_kind("LeaderWorkerSet")[0]
    made = scaled.cluster.program.recording.one(
        f"kubernetes:{manifest['apiVersion']}:LeaderWorkerSet", "qwen3-8b-serve"
    )
    assert made.ignore_changes == ("spec.replicas",)
    with pytest.raises(RefusedError, match=r"conflict.*\.spec\.replicas"):
        scaled.plane.client.apply(manifest, dry_run=True)
    scaled.plane.client.apply(_without_replicas(manifest))
    assert scaled.seen_for(2) == {3}


def test_without_metrics_the_number_stands_still(scaled: Scaled) -> None:
    scaled.says(queue=1000)
    scaled.comes_to(3)
    scaled.says(queue=None, kv_usage=None)
    assert scaled.seen_for(DOWN_SECONDS + 4) == {3}


def test_one_signal_is_enough_to_keep_groups_and_a_missing_one_takes_none(scaled: Scaled) -> None:
    scaled.says(queue=1000)
    scaled.comes_to(3)
    scaled.says(queue=None)
    assert scaled.seen_for(DOWN_SECONDS + 4) == {3}


def test_an_empty_queue_takes_groups_away_after_the_lull(scaled: Scaled) -> None:
    scaled.says(queue=1000)
    scaled.comes_to(3)
    scaled.says()
    assert scaled.seen_for(DOWN_SECONDS - 1.5) == {3}
    assert scaled.comes_to(1) == 1


def test_a_full_kv_cache_brings_groups_too(scaled: Scaled) -> None:
    scaled.says()
    scaled.comes_to(1)
    scaled.says(kv_usage=1.0)
    assert scaled.comes_to(2) == 2


def test_phases_keep_their_proportion_on_the_way_up_and_down(scaled: Scaled) -> None:
    prefill, decode = scaled.phases
    scaled.says(decode, queue=1000)
    assert (scaled.comes_to(4, decode), scaled.comes_to(2, prefill)) == (4, 2)
    scaled.says(decode)
    assert (scaled.comes_to(1, prefill), scaled.comes_to(1, decode)) == (1, 1)


def test_decode_follows_prefill_too(scaled: Scaled) -> None:
    prefill, decode = scaled.phases
    scaled.says(prefill, ttft=30)
    assert (scaled.comes_to(2, prefill), scaled.comes_to(2, decode)) == (2, 2)


def test_the_last_group_goes_and_a_request_brings_the_first(scaled: Scaled) -> None:
    scaled.leaves()
    assert scaled.seen_for(3, scaled.sleeper) == {0}
    scaled.says(scaled.sleeper, wanted=1)
    assert scaled.comes_to(1, scaled.sleeper) == 1
    scaled.says(scaled.sleeper, wanted=1, queue=1000)
    assert scaled.comes_to(2, scaled.sleeper) == 2


def test_who_looks_for_the_groups_of_a_sleeping_model_finds_that_none_is_wanted(scaled: Scaled) -> None:
    """What the questions to Prometheus rest on, and what an update of the stack waits for."""
    scaled.leaves()
    client, sleeper = scaled.plane.client, scaled.sleeper

    def leaders() -> int:
        return client.get("apps/v1", "StatefulSet", sleeper.name, NAMESPACE)["spec"]["replicas"]

    client.wait("no leader is wanted", lambda: leaders() == 0)
    assert client.wait("that is all that is wanted", lambda: _is_available(scaled.cluster.leader_worker_set(sleeper)))


def test_an_update_of_a_sleeping_model_wakes_nobody_and_waits_for_nobody(scaled: Scaled) -> None:
    scaled.leaves()
    (manifest,) = [each for each in scaled.cluster.of_kind("LeaderWorkerSet") if name_of(each) == scaled.sleeper.name]
    changed = yaml.safe_load(yaml.safe_dump(_without_replicas(manifest)).replace("0.5.17", "0.5.18"))
    assert changed != _without_replicas(manifest)
    scaled.plane.client.apply(changed)

    def done() -> bool:
        live = scaled.cluster.leader_worker_set(scaled.sleeper)
        return live["status"].get("observedGeneration") == live["metadata"]["generation"] and _is_available(live)

    scaled.plane.client.wait("the update is done", done)
    assert scaled.groups(scaled.sleeper) == 0
    scaled.plane.client.apply(_without_replicas(manifest))


def test_without_an_answer_a_sleeping_model_wakes_and_one_that_serves_stays(scaled: Scaled) -> None:
    """Nobody could tell whether a request wants it."""
    nothing: dict[str, None] = dict.fromkeys(SIGNALS)
    scaled.leaves()
    scaled.says(scaled.sleeper, **nothing)
    scaled.comes_to(1, scaled.sleeper)
    assert scaled.seen_for(DOWN_SECONDS + 8, scaled.sleeper) == {1}


def test_other_signals_do_not_keep_what_nobody_wants(scaled: Scaled) -> None:
    """A cache that stays a little full, or a question of one's own that is never 0."""
    scaled.says(scaled.sleeper, wanted=1)
    scaled.comes_to(1, scaled.sleeper)
    scaled.says(scaled.sleeper, kv_usage=0.3)
    assert scaled.comes_to(0, scaled.sleeper) == 0


def test_keda_has_the_rights_that_scaling_takes_and_no_others(scaled: Scaled) -> None:
    account = Account(scaled.plane.client, keda.NAMESPACE, KEDA)
    groups = "leaderworkerset.x-k8s.io"
    assert account.may("update", "leaderworkersets/scale", NAMESPACE, group=groups)
    assert not account.may("update", "leaderworkersets", NAMESPACE, group=groups)
    assert not account.may("delete", "leaderworkersets", NAMESPACE, group=groups)
    assert not account.may("update", "deployments/scale", NAMESPACE, group="apps")
    assert not account.may("create", "pods/exec", NAMESPACE)
    assert not account.may("list", "nodes")


def test_what_scales_goes_without_a_trace_and_leaves_the_groups(scaled: Scaled) -> None:
    client = scaled.plane.client
    before = [scaled.groups(engine) for engine in scaled.cluster.engines]
    for manifest in scaled.cluster.of_kind("ScaledObject"):
        client.delete(manifest)
        client.wait("KEDA takes its finalizer off", lambda each=manifest: scaled.cluster.live(each) is None)
    client.wait("no autoscaler is left", lambda: not client.find_all("autoscaling/v2", "HorizontalPodAutoscaler"))
    assert [scaled.groups(engine) for engine in scaled.cluster.engines] == before


def _without_replicas(manifest: Manifest) -> Manifest:
    """What a provider sends where the number is left to its owner."""
    return {**manifest, "spec": {key: value for key, value in manifest["spec"].items() if key != "replicas"}}


def _is_available(live: Manifest) -> bool:
    conditions = (live.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)


def _is_ready(live: Manifest | None) -> bool:
    conditions = ((live or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
