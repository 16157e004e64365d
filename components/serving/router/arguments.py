"""The router's command line, typed, for the release whose flags are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from components.facts.engines import RouterRelease
from components.serving.engine.command import PORT
from components.serving.engine.flags import dashed, render
from components.serving.names import SERVE

if TYPE_CHECKING:
    from components.serving.engine.settings import ArgumentValue
    from components.serving.router.settings import RouterSettings

METRICS_PORT: Final = 29000
"""The port of the router's metrics, its own default; they are not on the API port."""

KEY_FILE: Final = "/etc/router/api-key"
"""File with the key that clients must send."""

_LAUNCH_WITH_KEY: Final = f"""\
import pathlib, sys
from sglang_router.launch_router import main
sys.argv += ["--api-key", pathlib.Path("{KEY_FILE}").read_text().strip()]
main()
"""
"""The router takes its key as an argument alone. Added inside the process, it is in no process list and in no pod."""

ROUTER: Final = RouterRelease()
"""The one release whose flags are known."""

OWNED: Final = {
    "--host": "the program",
    "--port": f"the program (Service, probes and policies use {PORT})",
    "--prometheus-host": "the program",
    "--prometheus-port": f"the program (the PodMonitor uses {METRICS_PORT})",
    "--worker-urls": "the program (groups are found by their labels)",
    "--service-discovery": "the program (groups are found by their labels)",
    "--selector": "the program (groups are found by their labels)",
    "--service-discovery-port": "the program (groups are found by their labels)",
    "--service-discovery-namespace": "the program (groups are found by their labels)",
    "--shutdown-grace-period-secs": "gracePeriodSeconds of the model",
    "--api-key": "router.apiKeySecret",
    "--policy": "router.policy",
    "--cache-threshold": "router.cacheAware.threshold",
    "--balance-abs-threshold": "router.cacheAware.balanceAbsolute",
    "--balance-rel-threshold": "router.cacheAware.balanceRelative",
    "--eviction-interval-secs": "router.cacheAware.evictionIntervalSeconds",
    "--max-tree-size": "router.cacheAware.maxTreeSize",
    "--disable-retries": "router.retries.enabled",
    "--retry-max-retries": "router.retries.maxRetries",
    "--retry-initial-backoff-ms": "router.retries.initialBackoffMilliseconds",
    "--retry-max-backoff-ms": "router.retries.maxBackoffMilliseconds",
    "--retry-backoff-multiplier": "router.retries.backoffMultiplier",
    "--retry-jitter-factor": "router.retries.jitter",
    "--disable-circuit-breaker": "router.circuitBreaker.enabled",
    "--cb-failure-threshold": "router.circuitBreaker.failureThreshold",
    "--cb-success-threshold": "router.circuitBreaker.successThreshold",
    "--cb-timeout-duration-secs": "router.circuitBreaker.openSeconds",
    "--cb-window-duration-secs": "router.circuitBreaker.windowSeconds",
    "--health-check-timeout-secs": "router.health.timeoutSeconds",
    "--health-check-interval-secs": "router.health.intervalSeconds",
    "--health-failure-threshold": "router.health.failureThreshold",
    "--health-success-threshold": "router.health.successThreshold",
    "--max-concurrent-requests": "router.limits.maxConcurrentRequests",
    "--rate-limit-tokens-per-second": "router.limits.rateLimitTokensPerSecond",
    "--queue-size": "router.limits.queueSize",
    "--queue-timeout-secs": "router.limits.queueTimeoutSeconds",
    "--request-timeout-secs": "router.requestTimeoutSeconds",
    "--log-level": "router.logLevel",
    "--enable-trace": "monitoring.traces",
    "--otlp-traces-endpoint": "monitoring.traces",
    "--mini-lb": "the program (a Python router for debugging)",
    "--pd-disaggregation": "disaggregation",
    "--prefill": "the program (groups are found by their labels)",
    "--decode": "the program (groups are found by their labels)",
    "--prefill-selector": "the program (groups are found by their labels)",
    "--decode-selector": "the program (groups are found by their labels)",
    "--prefill-policy": "router.prefillPolicy",
    "--decode-policy": "router.decodePolicy",
    "--tls-cert-path": "the program (probes speak plain HTTP; TLS ends at entry.certificateArn)",
    "--tls-key-path": "the program (probes speak plain HTTP; TLS ends at entry.certificateArn)",
}
"""Flags that the program writes itself or that make no sense here, with what decides each."""


def launch_command(*, api_key: bool) -> tuple[str, ...]:
    """The container's `command`; the router's own arguments follow as `args`."""
    return ("python3", "-c", _LAUNCH_WITH_KEY) if api_key else ("python3", "-m", "sglang_router.launch_router")


def discovery(labels: Mapping[str, Mapping[str, str]], namespace: str) -> tuple[str, ...]:
    """Arguments by which the router finds its workers: ready pods with all of a role's `labels`, given by role. The
    port is always given, since the Python front's default is 80 (sglang-router 0.3.2 router_args.py:50).
    """
    found = {"--selector" if role == SERVE else f"--{role}-selector": wanted for role, wanted in labels.items()}
    return (
        "--service-discovery",
        *(
            part
            for option, wanted in found.items()
            for part in (option, *(f"{name}={value}" for name, value in wanted.items()))
        ),
        "--service-discovery-port",
        str(PORT),
        "--service-discovery-namespace",
        namespace,
    )


def command_line(
    settings: RouterSettings, workers: tuple[str, ...], *, shutdown_seconds: int, phases: bool = False
) -> tuple[str, ...]:
    """The arguments of `sglang_router.launch_router`; `workers` are those that tell it whom to route to. With `phases`
    each request goes to a prefill and a decode group.
    """
    given = dict(_values(settings)) | dict(_phases(settings) if phases else _policy(settings))
    given |= {dashed(name): value for name, value in settings.arguments.items()}
    line: list[str] = []
    for name, value in [*given.items(), ("--shutdown-grace-period-secs", shutdown_seconds)]:
        line += render(ROUTER, name, value)
    return (*line, *workers)


def _values(settings: RouterSettings) -> Iterator[tuple[str, ArgumentValue]]:
    yield "--host", "0.0.0.0"  # noqa: S104 - probes and clients come from outside the pod
    yield "--port", PORT
    yield "--prometheus-host", "0.0.0.0"  # noqa: S104 - Prometheus comes from outside the pod
    yield "--prometheus-port", METRICS_PORT
    yield "--log-level", settings.log_level
    yield "--request-timeout-secs", settings.request_timeout_seconds
    yield from _resilience(settings)
    yield from _limits(settings)


def prefill_policy(settings: RouterSettings) -> str:
    """How a prefill group is chosen, where phases are apart."""
    return settings.prefill_policy or "power_of_two"


def decode_policy(settings: RouterSettings) -> str:
    """How a decode group is chosen, where phases are apart."""
    return settings.decode_policy or "power_of_two"


def _phases(settings: RouterSettings) -> Iterator[tuple[str, ArgumentValue]]:
    yield "--pd-disaggregation", True
    yield "--prefill-policy", prefill_policy(settings)
    yield "--decode-policy", decode_policy(settings)


def _policy(settings: RouterSettings) -> Iterator[tuple[str, ArgumentValue]]:
    yield "--policy", settings.policy
    if settings.policy == "cache_aware":
        cache = settings.cache_aware
        yield "--cache-threshold", cache.threshold
        yield "--balance-abs-threshold", cache.balance_absolute
        yield "--balance-rel-threshold", cache.balance_relative
        yield "--eviction-interval-secs", cache.eviction_interval_seconds
        yield "--max-tree-size", cache.max_tree_size


def _resilience(settings: RouterSettings) -> Iterator[tuple[str, ArgumentValue]]:
    retries, breaker, health = settings.retries, settings.circuit_breaker, settings.health
    if retries.enabled:
        yield "--retry-max-retries", retries.max_retries
        yield "--retry-initial-backoff-ms", retries.initial_backoff_milliseconds
        yield "--retry-max-backoff-ms", retries.max_backoff_milliseconds
        yield "--retry-backoff-multiplier", retries.backoff_multiplier
        yield "--retry-jitter-factor", retries.jitter
    else:
        yield "--disable-retries", True
    if breaker.enabled:
        yield "--cb-failure-threshold", breaker.failure_threshold
        yield "--cb-success-threshold", breaker.success_threshold
        yield "--cb-timeout-duration-secs", breaker.open_seconds
        yield "--cb-window-duration-secs", breaker.window_seconds
    else:
        yield "--disable-circuit-breaker", True
    yield "--health-check-timeout-secs", health.timeout_seconds
    yield "--health-check-interval-secs", health.interval_seconds
    yield "--health-failure-threshold", health.failure_threshold
    yield "--health-success-threshold", health.success_threshold


def _limits(settings: RouterSettings) -> Iterator[tuple[str, ArgumentValue]]:
    limits = settings.limits
    if limits.max_concurrent_requests is None:
        return
    yield "--max-concurrent-requests", limits.max_concurrent_requests
    if limits.rate_limit_tokens_per_second is not None:
        yield "--rate-limit-tokens-per-second", limits.rate_limit_tokens_per_second
    yield "--queue-size", limits.queue_size
    if limits.queue_size:
        yield "--queue-timeout-secs", limits.queue_timeout_seconds
