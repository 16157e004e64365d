"""Probes that fit what each rank really serves, and the time that they allow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from components.serving.pods.settings import ProbeSettings

DRAIN_SECONDS: Final = 15
"""Seconds that a pod waits before SIGTERM, so that load balancer and proxies stop sending to it first."""

WARM_UP_MINUTES: Final = 15
"""Minutes for CUDA graphs and kernels after loading; compiling DeepGEMM takes about ten (sglang.compile_deep_gemm)."""

_LEAST_STARTUP_MINUTES: Final = 30
"""Least time to start; sgl-project/ome gives its runtimes 16."""

_LEAST_MB_PER_S: Final = 300
"""Slowest reading, in MB (10^6 bytes) per second and node, that the default time to start allows for. It takes nothing
but the checkpoint's size, so that another model or a larger file system restarts no engine."""

_STARTUP_PERIOD: Final = 10
_WORKER_TIMEOUT: Final = 25


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Times of the probes. `load_minutes` is the estimate that `startup_minutes` must outlast, None where unknown."""

    startup_minutes: int
    load_minutes: float | None
    timeout_seconds: int
    readiness_period_seconds: int
    readiness_failures: int
    liveness_period_seconds: int
    liveness_failures: int


def startup_minutes(settings: ProbeSettings, size_gib: float) -> int:
    """Minutes that a rank may take to start: as set, or to read `size_gib` slowly and warm up, 30 at least.

    >>> from components.serving.pods.settings import ProbeSettings
    >>> startup_minutes(ProbeSettings(), 642)
    54
    """
    reading = size_gib * 2**30 / 1e6 / _LEAST_MB_PER_S / 60
    return settings.startup_minutes or max(_LEAST_STARTUP_MINUTES, math.ceil(reading + WARM_UP_MINUTES))


def plan_probes(settings: ProbeSettings, *, size_gib: float, load_minutes: float | None) -> ProbePlan:
    """Times from the settings; `size_gib` is the checkpoint's size, `load_minutes` the estimate for the whole stack."""
    return ProbePlan(
        startup_minutes=startup_minutes(settings, size_gib),
        load_minutes=load_minutes,
        timeout_seconds=settings.timeout_seconds,
        readiness_period_seconds=settings.readiness_period_seconds,
        readiness_failures=settings.readiness_failures,
        liveness_period_seconds=settings.liveness_period_seconds,
        liveness_failures=settings.liveness_failures,
    )


def probes(plan: ProbePlan, *, leader: bool) -> dict[str, Any]:
    """Probes of one rank. Rank 0 answers `/health` by generating a token; the others answer 200 once they have loaded,
    whatever happens after, so that they have no readiness of their own and their liveness sees only a dead process.
    """
    startup = _probe(_STARTUP_PERIOD, plan.timeout_seconds, math.ceil(plan.startup_minutes * 60 / _STARTUP_PERIOD))
    timeout = plan.timeout_seconds if leader else _WORKER_TIMEOUT
    found = {
        "startupProbe": startup,
        "livenessProbe": _probe(plan.liveness_period_seconds, timeout, plan.liveness_failures),
    }
    if leader:
        found["readinessProbe"] = _probe(plan.readiness_period_seconds, timeout, plan.readiness_failures)
    return found


def _probe(period: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/health", "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }
