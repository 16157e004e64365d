"""Settings of the engine's pods."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings import Settings

Seconds = Annotated[int, Field(ge=1, le=3600)]


class ProbeSettings(Settings):
    """How long an engine may load, and how long it may be silent. `/health` generates a token: it takes 1 to 20 s."""

    startup_minutes: Annotated[int, Field(ge=1, le=720)] | None = None
    """Minutes that loading and warming up may take; by default what the checkpoint takes at 300 MB/s and 15 minutes
    more, at least 30. A rule compares it with what the file system gives when all nodes start together."""
    timeout_seconds: Seconds = 25
    """Timeout of one probe in seconds; the engine itself gives up after 20 s (SGLANG_HEALTH_CHECK_TIMEOUT)."""
    readiness_period_seconds: Seconds = 15
    """Seconds between readiness probes of the leader."""
    readiness_failures: Annotated[int, Field(ge=1, le=20)] = 3
    """Failed readiness probes until the leader gets no more requests."""
    liveness_period_seconds: Seconds = 30
    """Seconds between liveness probes."""
    liveness_failures: Annotated[int, Field(ge=1, le=60)] = 5
    """Failed liveness probes until a pod is killed, and with it its whole group is made anew."""


GracePeriod = Annotated[int, Field(ge=30, le=7200)]
"""Seconds from SIGTERM to SIGKILL."""

SharedMemory = Annotated[int, Field(ge=1, le=1024)]
"""GiB of /dev/shm."""

TolerationSeconds = Annotated[int, Field(ge=0, le=3600)]
"""Seconds for which a pod stays bound to a node that is lost."""
