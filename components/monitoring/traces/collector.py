"""Values of the chart `opentelemetry-collector`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.facts import pins
from components.monitoring.traces.plan import OTLP_PORT, TRACES_NAMESPACE, TracePlan

SERVICE_ACCOUNT: Final = "opentelemetry-collector"
LABELS: Final = {"app.kubernetes.io/name": "opentelemetry-collector"}
METRICS_PORTS: Final = {"metrics": 8888, "span-metrics": 8889}
"""Ports of the collector's own metrics, and of those that it makes of spans."""
_OFF: Final = ("otlp-http", "jaeger-compact", "jaeger-thrift", "jaeger-grpc", "zipkin")
_BUCKETS: Final = ["10ms", "50ms", "100ms", "250ms", "500ms", "1s", "2s", "5s", "10s", "30s", "60s", "120s", "300s"]

_NAMES: Final = (
    # SGLang puts the request's id, the host and the process into names: each request would be series of its own.
    'replace_pattern(span.name, "Req .*$", "Req")',
    'replace_pattern(span.name, " *[(]host:[^)]*[)]", "")',
)
"""Statements that leave of a span's name what many spans share; the request's id stays as its attribute `rid`
(sglang 0.5.17 srt/observability/trace.py: trace_req_start)."""


_PROBES: Final = 'IsMatch(attributes["uri"], "^/(liveness|readiness|health)")'
"""The kubelet's requests to a router, which would be most of the traces (sglang-router 0.3.2 makes a span
`http_request` with `uri` of each)."""


def values(plan: TracePlan, *, region: str, node_selector: Mapping[str, str], metrics: bool) -> dict[str, Any]:
    """The chart's values: one collector, since all spans of a trace must meet for the decision whether to keep it.

    `metrics` says that the cluster has the ServiceMonitor kind.
    """
    ports: dict[str, Any] = {name: {"enabled": False} for name in _OFF}
    ports |= {
        name: {"enabled": True, "containerPort": port, "servicePort": port, "protocol": "TCP"}
        for name, port in METRICS_PORTS.items()
    }
    return {
        "mode": "deployment",
        "replicaCount": 1,
        "image": {"repository": pins.COLLECTOR_IMAGE.repository, "tag": pins.COLLECTOR_IMAGE.tag},
        "command": {"name": "otelcol-contrib"},
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT, "automountServiceAccountToken": False},
        "nodeSelector": dict(node_selector),
        "podSecurityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "200m", "memory": "512Mi"},
            "limits": {"memory": plan.settings.memory_limit},
        },
        "ports": ports,
        "serviceMonitor": {"enabled": metrics, "metricsEndpoints": [{"port": name} for name in METRICS_PORTS]},
        "config": config(plan, region),
    }


def config(plan: TracePlan, region: str) -> dict[str, Any]:
    """The collector's own configuration, which the chart merges into its defaults: null takes a default away.

    Metrics are made of all spans, before some traces are dropped; so an exemplar of a fast request may lead to a trace
    that was not kept, one of a slow or failed request does not.
    """
    exporter, settings = _exporter(plan, region)
    return {
        "receivers": {
            "otlp": {"protocols": {"grpc": {"endpoint": f"${{env:MY_POD_IP}}:{OTLP_PORT}"}, "http": None}},
            "jaeger": None,
            "zipkin": None,
            "prometheus": None,
        },
        "processors": {
            "filter": {"error_mode": "ignore", "traces": {"span": [_PROBES]}},
            "transform": {"trace_statements": [{"context": "span", "statements": list(_NAMES)}]},
            "tail_sampling": {
                "decision_wait": f"{plan.settings.decision_seconds}s",
                "num_traces": plan.settings.traces_in_memory,
                "policies": _policies(plan),
            },
        },
        "connectors": {
            "span_metrics": {
                "histogram": {"explicit": {"buckets": _BUCKETS}},
                "exemplars": {"enabled": True},
                # Exemplars are shown until the next flush: not longer than Prometheus takes between scrapes, and a
                # failed request's would be gone before it looked (the operator's default is 30 s).
                "metrics_flush_interval": "30s",
            }
        },
        "exporters": {
            "debug": None,
            exporter: settings,
            # Exemplars are part of the OpenMetrics format alone.
            "prometheus": {
                "endpoint": f"${{env:MY_POD_IP}}:{METRICS_PORTS['span-metrics']}",
                "enable_open_metrics": True,
            },
        },
        "service": {
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "filter", "transform", "tail_sampling", "batch"],
                    "exporters": [exporter],
                },
                "traces/measured": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "filter", "transform"],
                    "exporters": ["span_metrics"],
                },
                "metrics": {"receivers": ["span_metrics"], "processors": [], "exporters": ["prometheus"]},
                "logs": None,
            }
        },
    }


def _policies(plan: TracePlan) -> list[dict[str, Any]]:
    """A trace is kept where one of them says so."""
    return [
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        # A router's span has no status: what it answered is an attribute, as text.
        {
            "name": "answered-with-an-error",
            "type": "string_attribute",
            "string_attribute": {"key": "status_code", "values": ["^5[0-9][0-9]$"], "enabled_regex_matching": True},
        },
        {"name": "slow", "type": "latency", "latency": {"threshold_ms": round(plan.settings.slow_seconds * 1000)}},
        {
            "name": "share",
            "type": "probabilistic",
            "probabilistic": {"sampling_percentage": plan.settings.sample_percent},
        },
    ]


def _exporter(plan: TracePlan, region: str) -> tuple[str, dict[str, Any]]:
    if plan.destination == "xray":
        # By annotation the request's ids can be searched for: the engine's, and the client's at the router.
        return "awsxray", {"region": region, "indexed_attributes": ["rid", "request_id"]}
    endpoint = f"tempo.{TRACES_NAMESPACE}.svc.cluster.local:{OTLP_PORT}"
    return "otlp_grpc/tempo", {"endpoint": endpoint, "tls": {"insecure": True}}
