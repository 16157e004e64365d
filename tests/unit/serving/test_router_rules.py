"""Routers: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from components.aws.nodes.settings import SystemPoolSettings
from components.rules import Severity
from components.serving.rules import rules
from infra.rules import router as across
from infra.rules import stack as stack_rules
from tests.unit.serving.builders import QWEN_8B, R1, found, model, pool, problems, stack

BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "router.arguments",
        {"router": {"arguments": {"cache-treshold": 0.5}}},
        "router.arguments.cache-treshold",
        "SGLang router 0.3.2 has no flag --cache-treshold",
    ),
    (
        "router.arguments",
        {"router": {"arguments": {"history-backend": "sqlite"}}},
        "router.arguments.history-backend",
        "'sqlite' is not a choice of --history-backend",
    ),
    (
        "router.owned",
        {"router": {"arguments": {"policy": "random"}}},
        "router.arguments.policy",
        "--policy is decided by router.policy",
    ),
    (
        "router.secret-arguments",
        {"router": {"arguments": {"control-plane-api-keys": ["id:name:admin:hunter2"]}}},
        "router.arguments.control-plane-api-keys",
        "--control-plane-api-keys would be plain text in this file, in the state and in the cluster",
    ),
    (
        "router.igw",
        {"router": {"arguments": {"enable-igw": True}}},
        "router.arguments.enable-igw",
        "--enable-igw fetches a vocabulary from the internet at every start, where routers have no way",
    ),
    (
        "router.engine-key",
        {"router": {}, "apiKeySecret": "key"},
        "apiKeySecret",
        "an engine's key behind a router could not change without an outage: the router has one key for both sides",
    ),
    (
        "router.health-timeout",
        {"router": {"health": {"timeoutSeconds": 5}}},
        "router.health.timeoutSeconds",
        "5 s is less than /health may take under load (20 s and more)",
    ),
    (
        "router.health-interval",
        {"router": {"health": {"timeoutSeconds": 40, "intervalSeconds": 30}}},
        "router.health.intervalSeconds",
        "checks every 30 s overlap, since one may take 40 s",
    ),
    (
        "router.single",
        {"router": {"replicas": 1}},
        "router.replicas",
        "one router: the loss of its node is an outage of all groups",
    ),
    ("router.one-group", {"router": {}, "replicas": 1}, "router", "one group: the router only adds a hop"),
    (
        "router.policy-settings",
        {"router": {"policy": "random", "cacheAware": {"threshold": 0.5}}},
        "router.cacheAware",
        "policy random does not read it",
    ),
    (
        "router.limits",
        {"router": {"limits": {"rateLimitTokensPerSecond": 5}}},
        "router.limits.rateLimitTokensPerSecond",
        "rateLimitTokensPerSecond has no effect without maxConcurrentRequests",
    ),
    (
        "router.queue",
        {"router": {"limits": {"maxConcurrentRequests": 40, "queueSize": 100}}},
        "router.limits.queueSize",
        "release 0.3.2 gives a waiting request up after about 0.025 s with 408, not 429",
    ),
    (
        "router.request-timeout",
        {"router": {"requestTimeoutSeconds": 600}},
        "router.requestTimeoutSeconds",
        "generations are cut after 600 s, though gracePeriodSeconds lets them run 900 s",
    ),
    (
        "router.image-floating",
        {"router": {"image": {"tag": "latest"}}},
        "router.image.tag",
        "lmsysorg/sgl-model-gateway:latest names no one release",
    ),
    (
        "router.image-release",
        {"router": {"image": {"tag": "v0.3.1"}}},
        "router.image.tag",
        "v0.3.1 does not say that it is v0.3.2, whose flags are checked here",
    ),
    (
        "entry.public-key",
        {"router": {}, "entry": {"scheme": "internet-facing"}},
        "router.apiKeySecret",
        "an internet-facing router without a key serves anybody",
    ),
    (
        "entry.key-in-clear",
        {"router": {"apiKeySecret": "key"}, "entry": {}},
        "entry.certificateArn",
        "clients send their key over plain HTTP",
    ),
]


@pytest.mark.parametrize(("rule", "changes", "path", "message"), BAD)
def test_a_bad_setting_is_named_with_its_path(rule: str, changes: dict[str, Any], path: str, message: str) -> None:
    assert (path, message) in found(rules, rule, model(R1, **changes))


def test_every_rule_has_a_bad_setting() -> None:
    of_routers = {rule.id for rule in rules.rules if rule.id.startswith("router.")}
    assert {rule for rule in of_routers if not rule.startswith("router.phase-")} == {
        rule for rule, *_ in BAD if rule.startswith("router.")
    }


def test_a_router_with_nothing_said_breaks_no_rule_but_advice() -> None:
    settings = model(router={})
    assert [problem for problem in problems(rules, settings) if problem.severity is not Severity.ADVICE] == []


def test_a_model_without_a_router_hears_nothing_of_routers() -> None:
    assert [problem for problem in problems(rules, model()) if problem.rule.startswith("router.")] == []


def test_multi_model_mode_works_with_a_vocabulary_of_its_own() -> None:
    router = {"arguments": {"enable-igw": True}, "environment": {"TIKTOKEN_ENCODINGS_BASE": "/vocabulary"}}
    assert found(rules, "router.igw", model(router=router)) == []


def test_a_digest_makes_any_tag_exact() -> None:
    image = {"tag": "latest", "digest": f"sha256:{'0' * 64}"}
    assert found(rules, "router.image-floating", model(router={"image": image})) == []


def test_the_routers_key_is_a_secret_of_the_stack() -> None:
    settings = stack(model(router={"apiKeySecret": "clients"}), tags={})
    assert found(stack_rules.rules, "stack.secrets", settings) == [
        ("models[0].router.apiKeySecret", "the stack has no secret clients")
    ]


def test_routers_find_room_on_the_system_pool() -> None:
    small = SystemPoolSettings(instance_type="m7i.large", nodes=2)
    settings = stack(model(router={"replicas": 20}), model(name="r2"), model(name="r3", router={}), system_pool=small)
    message = "2 x m7i.large have room for 19 more pods, all routers need 24"
    assert found(across.rules, "router.system-pods", settings) == [
        ("models[0].router.replicas", message),
        ("models[2].router.replicas", message),
    ]


def test_two_routers_fit_the_default_system_pool() -> None:
    settings = stack(model(router={}), system_pool=SystemPoolSettings())
    assert found(across.rules, "router.system-pods", settings) == []


def test_a_limit_that_fits_the_groups_is_proposed() -> None:
    settings = stack(
        model(QWEN_8B, replicas=2, router={}), pools=[pool("g6e.xlarge")], system_pool=SystemPoolSettings()
    )
    (problem,) = [each for each in problems(across.rules, settings) if each.rule == "router.unbounded"]
    assert problem.path == "models[0].router.limits.maxConcurrentRequests"
    assert problem.severity is Severity.ADVICE
    limited = model(QWEN_8B, replicas=2, router={"limits": {"maxConcurrentRequests": 8}})
    settings = stack(limited, pools=[pool("g6e.xlarge")], system_pool=SystemPoolSettings())
    assert found(across.rules, "router.unbounded", settings) == []


def test_the_image_of_a_protected_stack_wants_a_digest() -> None:
    def paths(**changes: Any) -> list[tuple[str, str]]:
        settings: SimpleNamespace = stack(model(router=changes), protect=True, system_pool=SystemPoolSettings())
        return found(across.rules, "router.image-digest", settings)

    assert paths() == [("models[0].router.image.digest", "lmsysorg/sgl-model-gateway:v0.3.2 has no digest")]
    assert paths(image={"digest": f"sha256:{'0' * 64}"}) == []
