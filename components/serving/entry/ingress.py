"""The Ingress of a model, as the AWS Load Balancer Controller 3.5.0 reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.serving.engine.command import PORT
from components.serving.manifest import Spec

if TYPE_CHECKING:
    from components.serving.entry.settings import EntrySettings

_PREFIX: Final = "alb.ingress.kubernetes.io/"
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2; the controller's own default is of 2016 and allows TLS 1.0."""

MOST_DEREGISTRATION_SECONDS: Final = 3600
"""The longest that a target group waits for a target that leaves."""

ROUTED_PATHS: Final = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/conversations",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/classify",
    "/v1/models",
    "/generate",
)
"""What the load balancer passes on to a router. The rest of its API is for operators: without a key anybody could
register a worker by POST /workers, and with one every client could (sglang-router 0.3.2, seen)."""


MOST_RULES: Final = 100
"""Rules of one load balancer, its default rules aside; a quota that AWS raises on request (Elastic Load Balancing user
guide, "Quotas for your Application Load Balancers")."""

ACTION: Final = "versions"
"""Name of the action that splits requests; the Ingress names it in place of a Service."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the load balancer tells whether a target answers."""

    path: str
    interval_seconds: int
    timeout_seconds: int


ENGINE_HEALTH: Final = HealthCheck("/health", 60, 25)
"""An engine generates a token to answer (sglang 0.5.8 entrypoints/http_server.py:452-530)."""

ROUTER_HEALTH: Final = HealthCheck("/readiness", 10, 5)
"""A router answers at once, 200 where it knows a healthy group."""


def ingress_annotations(
    entry: EntrySettings,
    *,
    group: str,
    grace_period_seconds: int,
    inbound_cidrs: Sequence[str],
    shares: Mapping[str, int],
    health: HealthCheck = ENGINE_HEALTH,
) -> dict[str, str]:
    """Annotations of one Ingress of the load balancer `group`. `shares` are percents of the requests by Service.

    Targets are pods (`ip`), since HyperPod nodes are no EC2 instances of the account. A leaving target keeps its
    streams as long as it drains itself. Requests go where fewest are under way: their lengths differ by orders.
    """
    drain = min(grace_period_seconds, MOST_DEREGISTRATION_SECONDS)
    values = {
        "group.name": group,
        "scheme": entry.scheme,
        "target-type": "ip",
        "inbound-cidrs": ",".join(inbound_cidrs),
        "load-balancer-attributes": ",".join(
            [
                f"idle_timeout.timeout_seconds={entry.idle_timeout_seconds}",
                f"client_keep_alive.seconds={max(60, entry.idle_timeout_seconds)}",
                "routing.http.drop_invalid_header_fields.enabled=true",
            ]
        ),
        "target-group-attributes": ",".join(
            [
                f"deregistration_delay.timeout_seconds={drain}",
                "load_balancing.algorithm.type=least_outstanding_requests",
            ]
        ),
        "healthcheck-path": health.path,
        "healthcheck-interval-seconds": str(health.interval_seconds),
        "healthcheck-timeout-seconds": str(health.timeout_seconds),
        "success-codes": "200",
        "listen-ports": '[{"HTTP":80}]',
    }
    if entry.certificate_arn:
        values |= {
            "listen-ports": '[{"HTTP":80},{"HTTPS":443}]',
            "ssl-redirect": "443",
            "ssl-policy": TLS_POLICY,
            "certificate-arn": entry.certificate_arn,
        }
    values |= _order(entry) | _split(entry, shares) | _rewrite(entry, shares)
    return {f"{_PREFIX}{name}": value for name, value in values.items() if value}


def ingress(entry: EntrySettings, shares: Mapping[str, int], paths: Sequence[str] = ("/",)) -> Spec:
    """`spec` of the Ingress: requests for the host that begin with one of `paths`, below the entry's own path, go to
    the Services of `shares`.
    """
    name = _backend(entry, shares)
    port: dict[str, Any] = {"name": "use-annotation"} if entry.traffic else {"number": PORT}
    below = entry.path or ""
    listed = [
        {
            "path": f"{below}{path}".rstrip("/") or "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": port}},
        }
        for path in paths
    ]
    rule: dict[str, Any] = {"http": {"paths": listed}}
    if entry.host:
        rule = {"host": entry.host, **rule}
    return {"ingressClassName": "alb", "rules": [rule]}


def order(entry: EntrySettings) -> int:
    """Place of an entry's rules among those of the load balancer, lowest first: the more exact name before the wider,
    the longer path before the shorter. Ingresses of one order stand in the order of their names (the controller's
    pkg/ingress/group_loader.go), where one for every host would hide what comes after it.
    """
    if entry.host is None:
        host = 90
    elif entry.host.startswith("*."):
        host = 80 - min(entry.host.count("."), 70)
    else:
        host = 0
    return 10 * host - (entry.path or "").count("/")


def _backend(entry: EntrySettings, shares: Mapping[str, int]) -> str:
    return ACTION if entry.traffic else next(iter(shares))


def _order(entry: EntrySettings) -> dict[str, str]:
    place = order(entry)
    return {"group.order": str(place)} if place else {}


def _split(entry: EntrySettings, shares: Mapping[str, int]) -> dict[str, str]:
    """The action with a target group for each version. One without requests keeps its targets, and is there at once."""
    if not entry.traffic:
        return {}
    groups = [{"serviceName": name, "servicePort": PORT, "weight": share} for name, share in shares.items()]
    return {f"actions.{ACTION}": json.dumps({"type": "forward", "forwardConfig": {"targetGroups": groups}})}


def _rewrite(entry: EntrySettings, shares: Mapping[str, int]) -> dict[str, str]:
    """The entry's path is taken off before an engine or router sees the request; rules were matched before."""
    if not entry.path:
        return {}
    rewrite = {"regex": f"^{entry.path}/(.*)$", "replace": "/$1"}
    transform = {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [rewrite]}}
    return {f"transforms.{_backend(entry, shares)}": json.dumps([transform])}
