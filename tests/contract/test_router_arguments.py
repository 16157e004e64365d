"""Every command line of a router is one that the real router's own parser takes, and means what the settings say."""

from __future__ import annotations

from typing import Any

import pytest

from components.facts import pins
from components.facts.engines import ROUTER_VERSION, router_flags
from components.serving.disaggregation.plan import BOOTSTRAP_ANNOTATION
from components.serving.engine.flags import judge, render
from components.serving.router.arguments import OWNED, ROUTER
from tests.unit.serving.builders import APART, R1, plan

launch_router = pytest.importorskip("sglang_router.launch_router")

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "another policy": {"policy": "power_of_two"},
    "nothing is tried again": {"retries": {"enabled": False}, "circuitBreaker": {"enabled": False}},
    "limits": {"limits": {"maxConcurrentRequests": 64, "rateLimitTokensPerSecond": 8, "queueSize": 9}},
    "further flags": {"arguments": {"dp-aware": True, "request-id-headers": ["x-a", "x-b"], "max-payload-size": 1024}},
}
SAMPLES = {"--control-plane-api-keys": "id:name:user:key", "--jwt-role-mapping": "staff=user"}
"""Values of flags that look into theirs."""


def parsed(base: dict[str, Any] = R1, **router: Any) -> Any:
    """What the router's parser makes of the planned arguments, once it found them valid."""
    planned = plan(base, router=router).router
    assert planned is not None
    arguments = launch_router.parse_router_args(list(planned.arguments))
    arguments._validate_router_args()
    return arguments


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_parser_takes_the_line(settings: dict[str, Any]) -> None:
    arguments = parsed(**settings)
    assert (arguments.host, arguments.port, arguments.prometheus_port) == ("0.0.0.0", 30000, 29000)
    assert arguments.worker_urls == []


def test_ranks_0_of_the_group_are_looked_for_in_the_engines_namespace() -> None:
    arguments = parsed()
    assert arguments.service_discovery
    assert arguments.selector == {
        "leaderworkerset.sigs.k8s.io/name": "r1",
        "leaderworkerset.sigs.k8s.io/worker-index": "0",
    }
    assert (arguments.service_discovery_port, arguments.service_discovery_namespace) == (30000, "inference")


def test_ranks_0_of_both_phases_are_looked_for() -> None:
    arguments = parsed(APART, prefillPolicy="bucket", decodePolicy="round_robin")
    assert arguments.pd_disaggregation
    assert arguments.service_discovery
    assert (arguments.prefill_policy, arguments.decode_policy) == ("bucket", "round_robin")
    rank = {"leaderworkerset.sigs.k8s.io/worker-index": "0"}
    assert arguments.prefill_selector == {"leaderworkerset.sigs.k8s.io/name": "r1-prefill", **rank}
    assert arguments.decode_selector == {"leaderworkerset.sigs.k8s.io/name": "r1-decode", **rank}
    assert arguments.selector == {}
    assert (arguments.service_discovery_port, arguments.service_discovery_namespace) == (30000, "inference")


def test_prefill_s_annotation_is_the_one_that_the_router_reads() -> None:
    assert parsed(APART).bootstrap_port_annotation == BOOTSTRAP_ANNOTATION


def test_health_checks_wait_for_a_token_and_a_stopped_router_for_its_streams() -> None:
    arguments = parsed()
    assert arguments.health_check_timeout_secs == 25
    assert arguments.shutdown_grace_period_secs == 900


def test_settings_reach_the_router() -> None:
    arguments = parsed(
        cacheAware={"threshold": 0.5, "balanceAbsolute": 8},
        retries={"maxRetries": 2, "jitter": 0.1},
        circuitBreaker={"failureThreshold": 4, "openSeconds": 30},
        limits={"maxConcurrentRequests": 64, "rateLimitTokensPerSecond": 8},
        requestTimeoutSeconds=3600,
    )
    assert (arguments.policy, arguments.cache_threshold, arguments.balance_abs_threshold) == ("cache_aware", 0.5, 8)
    assert (arguments.retry_max_retries, arguments.retry_jitter_factor) == (2, 0.1)
    assert (arguments.cb_failure_threshold, arguments.cb_timeout_duration_secs) == (4, 30)
    assert (arguments.max_concurrent_requests, arguments.rate_limit_tokens_per_second) == (64, 8)
    assert (arguments.queue_size, arguments.request_timeout_secs) == (0, 3600)


def test_what_is_off_is_off() -> None:
    arguments = parsed(retries={"enabled": False}, circuitBreaker={"enabled": False})
    assert arguments.disable_retries
    assert arguments.disable_circuit_breaker
    assert arguments.max_concurrent_requests == -1


def test_every_flag_of_the_release_can_be_set_or_is_the_programs_own() -> None:
    for option, flag in router_flags().items():
        if option in OWNED:
            continue
        sample = SAMPLES.get(option, {"int": 1, "float": 0.5}.get(flag.type or "", "text"))
        one = flag.choices[0] if flag.choices else sample
        value: Any = ([one] if flag.nargs in ("+", "*") else one) if flag.takes_value else True
        assert judge(ROUTER, option, value) is None, option
        launch_router.parse_router_args(render(ROUTER, option, value))


def test_every_owned_flag_is_one_of_the_release() -> None:
    assert set(OWNED) <= set(router_flags())


def test_the_image_and_the_package_are_the_release_whose_flags_are_known() -> None:
    version = pytest.importorskip("sglang_router.version").__version__
    assert version == ROUTER_VERSION
    assert pins.SGLANG_ROUTER.tag == f"v{ROUTER_VERSION}"
