"""Where the workload's logs go, and who writes them. Pure: imports no Pulumi."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from components.monitoring.logs.settings import LogDestination, LogSettings

SHIPPER_NAMESPACE: Final = "fluent-bit"
"""Fluent Bit's own namespace: it reads files of its node, which `restricted` does not allow."""
LOKI_NAMESPACE: Final = "loki"
LOKI_URL: Final = f"http://loki.{LOKI_NAMESPACE}.svc.cluster.local:3100"
"""Loki's API, inside the cluster."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Pods that write logs: `name` is what their names begin with (a LeaderWorkerSet, Deployment or Job) and `fields`
    what every record of theirs gets. Where `ranked`, the name goes on with the group's index and the pod's rank.
    """

    name: str
    fields: Mapping[str, str]
    ranked: bool = False


@dataclass(frozen=True, slots=True)
class LogPlan:
    """How the workload's logs are kept: `group` is the log group in CloudWatch, `namespaces` those whose containers are
    read, all others' are not.
    """

    settings: LogSettings
    destination: LogDestination
    group: str
    namespaces: tuple[str, ...]
    writers: tuple[Writer, ...]


def plan_logs(
    settings: LogSettings,
    destination: LogDestination,
    *,
    cluster_name: str,
    namespaces: Iterable[str],
    writers: Iterable[Writer],
) -> LogPlan:
    """Resolve the settings; `destination` is what they or the profile say."""
    return LogPlan(
        settings, destination, f"/sglang-hyperpod/{cluster_name}/workload", tuple(namespaces), tuple(writers)
    )
