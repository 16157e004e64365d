"""What a stack pays for by use, which no price of the settings covers: named beside the cost. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.aws.hyperpod.settings import LifecycleMode
from components.monitoring.profile import log_destination, remote_write, trace_destination

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings


def uncounted(settings: StackSettings) -> Iterator[str]:
    """AWS services that the stack uses and that `prices` has no key for; their cost follows from use."""
    monitoring = settings.monitoring
    logs, traces = log_destination(monitoring), trace_destination(monitoring)
    if (settings.gateway and settings.gateway.entry) or any(model.entry for model in settings.models):
        yield "load balancer"
    # Root disks of the nodes, if nothing else.
    yield "EBS volumes"
    if logs == "loki" or traces == "tempo" or _scripts_in_a_bucket(settings):
        yield "S3"
    # The control plane's log group, if nothing else.
    yield "CloudWatch"
    if traces == "xray":
        yield "X-Ray"
    if remote_write(monitoring):
        yield "Managed Prometheus"
    if monitoring.managed_grafana.enabled:
        yield "Managed Grafana"
    if settings.network.existing is None and settings.network.endpoint_services:
        yield "interface endpoints"
    yield "traffic"


def _scripts_in_a_bucket(settings: StackSettings) -> bool:
    hyperpod = settings.cluster.substrate == "hyperpod"
    return hyperpod and settings.hyperpod.lifecycle.mode is not LifecycleMode.BOOTSTRAP
