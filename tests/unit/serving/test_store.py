"""A model's own Mooncake store: what its ranks are told, who its master is, and what phases share."""

from __future__ import annotations

from typing import Any

from components.aws.nodes.plan import SYSTEM_PODS, plan_system_pool
from components.aws.nodes.settings import SystemPoolSettings
from components.serving.mooncake.objects import deployment
from components.serving.mooncake.plan import client_environment
from components.serving.rules import rules
from infra.rules import router, serving
from tests.unit.serving.builders import APART, QWEN_8B, R1, apart, found, model, plan, stack

GIB = 2**30
OWN: dict[str, Any] = {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 32}}}
READS: dict[str, Any] = {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 0}}}
BOTH = apart(
    prefill={"hierarchicalCache": {"storage": OWN}},
    decode={"hierarchicalCache": {"storage": READS}, "radixCache": True},
)


def segment(**changes: Any) -> int:
    """Bytes that the ranks of R1 give to its store, as its engine is told."""
    settings = model(R1, hierarchicalCache={"storage": OWN}, **changes)
    return int(client_environment(settings, "r1")["MOONCAKE_GLOBAL_SEGMENT_SIZE"])


def test_each_rank_gives_what_was_said_however_the_release_shares_it_out() -> None:
    """SGLang divides it by the ranks of a request's attention, and since 0.5.23 by pipeline stages too."""
    assert segment() == 16 * 32 * GIB
    assert segment(parallelism={"tensor": 16, "data": 8, "dpAttention": True}) == 2 * 32 * GIB
    stages = {"tensor": 8, "pipeline": 2}
    assert segment(parallelism=stages) == 8 * 32 * GIB
    assert segment(parallelism=stages, engine={"version": "0.5.23"}) == 16 * 32 * GIB


def test_a_store_of_its_own_has_a_master_with_the_engines_image() -> None:
    planned = plan(QWEN_8B, hierarchicalCache={"storage": OWN})
    assert planned.store is not None
    assert (planned.store.image, set(planned.store.groups)) == (planned.image, {"qwen"})
    assert planned.front.store_networks == ()
    assert planned.front.environment["MOONCAKE_MASTER"] == "qwen-store.inference.svc.cluster.local:50051"
    assert plan(QWEN_8B).store is None


def test_the_masters_settings_are_its_arguments() -> None:
    deploy = {"segmentGiB": 32, "highWatermark": 0.8, "evictedShare": 0.1, "resources": {"cpu": "2", "memoryGiB": 8}}
    planned = plan(QWEN_8B, hierarchicalCache={"storage": {"backend": "mooncake", "mooncake": {"deploy": deploy}}})
    assert planned.store is not None
    (container,) = deployment(planned.store)["template"]["spec"]["containers"]
    assert {"--eviction_high_watermark_ratio=0.8", "--eviction_ratio=0.1"} <= set(container["args"])
    assert container["resources"] == {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}


def test_phases_share_one_master_and_each_gives_its_own_memory() -> None:
    planned = plan(BOTH)
    assert planned.store is not None
    assert set(planned.store.groups) == {"r1-prefill", "r1-decode"}
    sizes = [int(group.environment["MOONCAKE_GLOBAL_SEGMENT_SIZE"]) for group in planned.groups]
    assert sizes == [16 * 32 * GIB, 0]
    assert found(rules, "hicache.store-memory", model(BOTH)) == []


def test_phases_do_not_tell_their_master_different_things() -> None:
    other = {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 8, "highWatermark": 0.5}}}
    split = apart(BOTH, decode={"hierarchicalCache": {"storage": other}})
    assert found(rules, "hicache.store-memory", model(split)) == [
        (
            "disaggregation.decode.hierarchicalCache.storage.mooncake.deploy",
            "both phases share one master, and give it different settings",
        )
    ]


def test_a_model_is_not_called_like_the_store_of_another() -> None:
    own = model(QWEN_8B, hierarchicalCache={"storage": OWN})
    assert found(serving.rules, "serving.names", stack(own, model(QWEN_8B, name="qwen-store"))) == [
        ("models[1].name", "qwen-store is also the Service of model qwen")
    ]


def test_masters_take_room_on_the_system_pool() -> None:
    small = SystemPoolSettings.model_validate({"instanceType": "m7i.large", "nodes": 2})
    free = plan_system_pool(small).pods.free * 2 - sum(SYSTEM_PODS.values())
    crowd = [model(QWEN_8B, name=f"m{number}", router={"replicas": 1}) for number in range(free // 2)]
    crowd[0] = crowd[0].model_copy(update={"router": model(router={"replicas": 1 + free % 2}).router})
    assert found(router.rules, "router.system-pods", stack(*crowd, system_pool=small)) == []
    own = model(QWEN_8B, hierarchicalCache={"storage": OWN})
    path, message = found(router.rules, "router.system-pods", stack(*crowd, own, system_pool=small))[0]
    assert path == "models[0].router.replicas"
    assert message.endswith(f"all routers and stores need {free + 1}")


def test_a_phase_without_a_store_is_no_client() -> None:
    planned = plan({**APART, **apart(prefill={"hierarchicalCache": {"storage": OWN}})})
    assert planned.store is not None
    assert set(planned.store.groups) == {"r1-prefill"}
    assert "MOONCAKE_MASTER" not in planned.groups[1].environment
