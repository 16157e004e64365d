"""Whether groups, routers and transfers do what they are there for."""

from __future__ import annotations

from typing import Final

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Feature, Severity

PROBES: Final = 'path!~"/(liveness|readiness|health.*)"'
"""Requests of clients to a router; the kubelet's probes are others."""

AWAKE: Final = " unless on (model) sglang_hyperpod:asleep"
"""But for a model that has no group because nobody wants one, or whose first one is on its way."""

_GROUPS: Final = (
    Alert(
        name="ModelNotServing",
        family=Family.GROUPS,
        severity=Severity.CRITICAL,
        exporters=(Exporter.PLAN, Exporter.PROMETHEUS),
        metrics=("sglang_hyperpod:group_info", "up", "sglang_hyperpod:asleep"),
        labels=("model",),
        # Only what has served within a day counts as lost: a model that is still on its way has GroupStartOverdue.
        expression="max by (model) (sglang_hyperpod:group_info)"
        ' unless on (model) max by (model) (up{rank="0"} == 1)'
        ' and on (model) max by (model) (max_over_time(up{rank="0"}[1d]) == 1)'
        f"{AWAKE}",
        minutes=3,
        summary="No group of {{ $labels.model }} answers",
        description="Not one leader of the model can be reached, and one could within the last day.",
        dashboard="sglang-overview",
        source="sglang 0.5.8 entrypoints/http_server.py: rank 0 serves /metrics once the model is loaded",
    ),
    Alert(
        name="GroupStartOverdue",
        family=Family.GROUPS,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE, Exporter.PLAN),
        metrics=(
            "kube_pod_created",
            "kube_pod_status_ready",
            "sglang_hyperpod:pod_info",
            "sglang_hyperpod:planned_start_seconds",
        ),
        labels=("model", "lws", "group"),
        expression='max by (model, lws, group) ((time() - kube_pod_created{namespace=~"<engines>"})'
        ' * on (namespace, pod) group_left (model, lws, group) sglang_hyperpod:pod_info{rank="0"}'
        ' unless on (namespace, pod) kube_pod_status_ready{condition="true"} == 1)'
        " > on (model, lws) group_left () sglang_hyperpod:planned_start_seconds",
        minutes=5,
        summary="{{ $labels.lws }} group {{ $labels.group }} is not ready after {{ $value | humanizeDuration }}",
        description="Image, weights and warm-up should have been done by now.",
        dashboard="sglang-overview",
        source="components/serving/plan.py: the startup probe's time and the image pull",
    ),
    Alert(
        name="GroupRecreatedRepeatedly",
        family=Family.GROUPS,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE, Exporter.PLAN),
        metrics=("kube_pod_created", "sglang_hyperpod:pod_info"),
        labels=("model", "lws", "group"),
        expression="max by (model, lws, group)"
        ' (count by (namespace, pod) (count_over_time(kube_pod_created{namespace=~"<engines>"}[1h]))'
        " * on (namespace, pod) group_left (model, lws, group) sglang_hyperpod:pod_info) > <groupStartsPerHour>",
        minutes=0,
        summary="{{ $labels.lws }} group {{ $labels.group }} was made {{ $value | humanize }} times within an hour",
        description="LeaderWorkerSet makes a whole group anew when one of its pods fails, and it fails again.",
        dashboard="sglang-overview",
        source="kubernetes-sigs/lws: RecreateGroupOnPodRestart",
    ),
    Alert(
        name="ImagePullFailing",
        family=Family.GROUPS,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE,),
        metrics=("kube_pod_container_status_waiting_reason",),
        labels=("namespace", "pod", "container", "reason"),
        expression="max by (namespace, pod, container, reason) (kube_pod_container_status_waiting_reason"
        '{namespace=~"<engines>|<routers>",reason=~"ErrImagePull|ImagePullBackOff|InvalidImageName"}) > 0',
        minutes=10,
        summary="{{ $labels.namespace }}/{{ $labels.pod }} cannot pull its image: {{ $labels.reason }}",
        description="The image does not exist, may not be read, or the registry cannot be reached.",
        dashboard="sglang-overview",
        source="kubernetes: reasons of a waiting container",
    ),
)

_ROUTERS: Final = (
    Alert(
        name="NoHealthyWorker",
        family=Family.ROUTER,
        severity=Severity.CRITICAL,
        exporters=(Exporter.ROUTER, Exporter.PROMETHEUS, Exporter.PLAN),
        metrics=("smg_worker_health", "up", "sglang_hyperpod:asleep"),
        labels=("model",),
        # A router that found no worker at all has no series for any: its `up` times nought stands for them.
        expression=f'(sum by (model) (smg_worker_health) or sum by (model) (up{{role="router"}} == 1) * 0) == 0{AWAKE}',
        minutes=2,
        summary="The routers of {{ $labels.model }} see no healthy group",
        description="Every request is answered 503.",
        dashboard="sglang-router",
        source="sglang-router 0.3.2 smg_worker_health, seen on its metrics port",
        features=frozenset({Feature.ROUTER}),
    ),
    Alert(
        name="RouterCircuitOpen",
        family=Family.ROUTER,
        severity=Severity.WARNING,
        exporters=(Exporter.ROUTER,),
        metrics=("smg_worker_cb_state",),
        labels=("model", "worker"),
        expression="count by (model, worker) (smg_worker_cb_state == 1) > 0",
        minutes=5,
        summary="{{ $value }} routers of {{ $labels.model }} have taken {{ $labels.worker }} out",
        description="The group failed request after request; it gets none until it passes a trial.",
        dashboard="sglang-router",
        source="sglang-router 0.3.2 smg_worker_cb_state: 0 closed, 1 open, 2 on trial",
        features=frozenset({Feature.ROUTER}),
    ),
    Alert(
        name="RouterErrorRateHigh",
        family=Family.ROUTER,
        severity=Severity.CRITICAL,
        exporters=(Exporter.ROUTER, Exporter.PLAN),
        metrics=("smg_http_responses_total", "smg_http_requests_total", "sglang_hyperpod:asleep"),
        labels=("model",),
        expression='sum by (model) (rate(smg_http_responses_total{status_code=~"5.."}[5m]))'
        f" / (sum by (model) (rate(smg_http_requests_total{{{PROBES}}}[5m])) > 0) > <errorRatio>"
        f"{AWAKE}",
        minutes=5,
        summary="The routers of {{ $labels.model }} answer {{ $value | humanizePercentage }} with an error",
        description="After all retries more than <errorRatio> of the requests end in 5xx.",
        dashboard="sglang-router",
        source="the HyperPod guide's performance checklist",
        features=frozenset({Feature.ROUTER}),
    ),
)

_TRANSFERS: Final = tuple(
    Alert(
        name=name,
        family=Family.TRANSFER,
        severity=Severity.WARNING,
        exporters=(Exporter.ENGINE,),
        metrics=(metric,),
        labels=("model", "role"),
        expression=f"sum by (model, role) (increase({metric}[10m])) > <transferFailures>",
        minutes=0,
        summary="{{ $value | humanize }} " + what + " of {{ $labels.model }} ({{ $labels.role }}) within ten minutes",
        description=meaning,
        dashboard="sglang-prefill-decode",
        source=f"{metric}, in every supported release; no guide has a threshold",
        features=frozenset({Feature.DISAGGREGATED}),
    )
    for name, metric, what, meaning in (
        (
            "KvTransferFailing",
            "sglang:num_transfer_failed_reqs_total",
            "failed KV transfers",
            "Requests were computed by prefill and lost on the way to decode.",
        ),
        (
            "KvBootstrapFailing",
            "sglang:num_bootstrap_failed_reqs_total",
            "failed handshakes",
            "Prefill and decode did not find each other, so no transfer began.",
        ),
    )
)

ALERTS: Final = (*_GROUPS, *_ROUTERS, *_TRANSFERS)
"""Groups, routers and transfers."""
