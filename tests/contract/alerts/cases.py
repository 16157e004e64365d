"""For each alert a bad and a good course of the series that it reads, and what it says of the bad one."""

from __future__ import annotations

from dataclasses import dataclass, field

Series = dict[str, str]
"""Courses by series, in promtool's notation: `1x60` is 61 times 1, `0+5x60` grows by 5 with each minute."""

DAY = 24 * 60


@dataclass(frozen=True)
class Case:
    """`labels` are those of the firing alert. `survives` are metrics without which it fires all the same: one of
    several symptoms, or a condition that only silences. `more` is there in both courses.
    """

    bad: Series
    good: Series
    labels: str
    at: str = "30m"
    survives: frozenset[str] = frozenset()
    more: Series = field(default_factory=dict)


def named(metric: str, labels: str, values: str) -> Series:
    """One series."""
    return {f"{metric}{{{labels}}}": values}


def merged(*series: Series) -> Series:
    """Several series."""
    return {name: values for one in series for name, values in one.items()}


_POD = 'namespace="inference",pod="m1-0",uid="u1"'
_ENGINE = 'namespace="inference",pod="m1-0",model="m1",role="serve",engine_version="0.5.17",lws="m1",group="0",rank="0"'
_PREFILL = _ENGINE.replace("serve", "prefill")
_ROUTER = 'namespace="routers",pod="r1",model="m1",role="router"'
_STORE = 'namespace="inference",pod="m1-store-1",model="m1",role="store"'
_GPU = 'Hostname="n1",gpu="3",exported_namespace="inference",exported_pod="m1-0",namespace="gpu-operator",pod="dcgm-1"'
_HPA = 'namespace="inference",horizontalpodautoscaler="keda-hpa-m1"'
_LABELLED = named(
    "kube_pod_labels",
    f'{_POD},label_leaderworkerset_sigs_k8s_io_name="m1",label_leaderworkerset_sigs_k8s_io_group_index="0",'
    'label_leaderworkerset_sigs_k8s_io_worker_index="0"',
    f"1x{2 * DAY}",
)
"""The pod m1-0 belongs to group 0 of m1."""


def engine(metric: str, values: str, more: str = "") -> Series:
    """A series of the model's rank 0."""
    return named(metric, f"{_ENGINE}{more}", values)


def histogram(metric: str, fast: str, slow: str) -> Series:
    """Requests that were fast enough for the smallest bucket, and all of them."""
    return merged(
        engine(f"{metric}_bucket", fast, ',le="0.1"'),
        engine(f"{metric}_bucket", slow, ',le="8"'),
        engine(f"{metric}_bucket", slow, ',le="+Inf"'),
    )


def latency(metric: str) -> Case:
    """Half of the requests are slow, or none."""
    return Case(histogram(metric, "0+5x60", "0+10x60"), histogram(metric, "0+10x60", "0+10x60"), '{model="m1"}')


def gpu(metric: str, values: str) -> Series:
    """A series of GPU 3 of node n1, which m1-0 holds."""
    return named(metric, _GPU, values)


def pod(metric: str, values: str, more: str = "") -> Series:
    """A series of kube-state-metrics on m1-0."""
    return named(metric, f"{_POD}{more}", values)


def answers(errors: str) -> Series:
    """Ten good answers a minute, some bad ones, and health checks that fail and do not count."""
    return merged(
        engine("sglang:http_responses_total", "0+10x60", ',endpoint="/v1/chat/completions",status_code="200"'),
        engine("sglang:http_responses_total", errors, ',endpoint="/v1/chat/completions",status_code="500"'),
        engine("sglang:http_responses_total", "0+99x60", ',endpoint="/health",status_code="503"'),
    )


def router_answers(errors: str) -> Series:
    """Ten requests a minute with some bad answers; the kubelet's probes do not count."""
    return merged(
        named("smg_http_requests_total", f'{_ROUTER},method="POST",path="/v1/chat/completions"', "0+10x60"),
        named("smg_http_requests_total", f'{_ROUTER},method="GET",path="/readiness"', "0+99x60"),
        named("smg_http_responses_total", f'{_ROUTER},status_code="503",error_code="x"', errors),
        named("smg_http_responses_total", f'{_ROUTER},status_code="200",error_code=""', "0+99x60"),
    )


def waiting(values: str) -> Series:
    """Requests in the queue."""
    return engine("sglang:num_queue_reqs", values)


def autoscaler(current: int, limited: int, *, most: int = 4) -> Series:
    """An autoscaler of one group at least."""
    return merged(
        named("kube_horizontalpodautoscaler_status_current_replicas", _HPA, f"{current}x60"),
        named("kube_horizontalpodautoscaler_spec_max_replicas", _HPA, f"{most}x60"),
        named("kube_horizontalpodautoscaler_spec_min_replicas", _HPA, "1x60"),
        named(
            "kube_horizontalpodautoscaler_status_condition",
            f'{_HPA},condition="ScalingLimited",status="true"',
            f"{limited}x60",
        ),
    )


def node(metric: str, values: str, more: str = "") -> Series:
    """A series of node n1."""
    return named(metric, f'node="n1"{more}', values)


def ready(values: str) -> Series:
    """Whether node n1 is ready, and that m1-0 is on it."""
    return merged(
        node("kube_node_status_condition", values, ',condition="Ready",status="true"'),
        pod("kube_pod_info", "1x60", ',node="n1"'),
    )


def up(values: str, labels: str = _ENGINE) -> Series:
    """Whether a target answers."""
    return named("up", labels, values)


def volume(available: str) -> Series:
    """A file system of 1000 bytes."""
    claim = 'namespace="inference",persistentvolumeclaim="weights",node="n1"'
    return merged(
        named("kubelet_volume_stats_available_bytes", claim, available),
        named("kubelet_volume_stats_capacity_bytes", claim, "1000x60"),
    )


_SENT = "container_network_transmit_bytes_total"
_MODEL, _GROUP = '{model="m1"}', '{model="m1",lws="m1",group="0"}'

CASES: dict[str, Case] = {
    "TimeToFirstTokenHigh": latency("sglang:time_to_first_token_seconds"),
    "InterTokenLatencyHigh": latency("sglang:inter_token_latency_seconds"),
    "QueueTimeHigh": latency("sglang:queue_time_seconds"),
    "ErrorRateHigh": Case(answers("0+1x60"), answers("0x60"), _MODEL),
    "RequestsAborted": Case(
        engine("sglang:num_aborted_requests_total", "0+2x60"),
        engine("sglang:num_aborted_requests_total", "0x60"),
        _MODEL,
        more=engine("sglang:num_requests_total", "0+10x60"),
    ),
    "QueueGrowing": Case(waiting("0+5x60"), waiting("200-2x60"), _MODEL),
    "RunningRequestsHigh": Case(
        engine("sglang:num_running_reqs", "150x60"), engine("sglang:num_running_reqs", "40x60"), _GROUP
    ),
    "BatchSmall": Case(
        merged(engine("sglang:num_running_reqs", "2x60"), waiting("9x60")),
        merged(engine("sglang:num_running_reqs", "2x60"), waiting("0x60")),
        _MODEL,
    ),
    "ThroughputLow": Case(
        merged(engine("sglang:generation_tokens_total", "0+600x60"), waiting("9x60")),
        merged(engine("sglang:generation_tokens_total", "0+60000x60"), waiting("9x60")),
        _MODEL,
    ),
    "KvCacheNearlyFull": Case(engine("sglang:token_usage", "0.9x60"), engine("sglang:token_usage", "0.6x60"), _GROUP),
    "RequestsRetracted": Case(
        engine("sglang:num_retracted_requests_total", "0+20x60"),
        engine("sglang:num_retracted_requests_total", "7x60"),
        _MODEL,
    ),
    "CacheHitRateLow": Case(
        engine("sglang:cached_tokens_total", "0+10x90", ',cache_source="device"'),
        engine("sglang:cached_tokens_total", "0+500x90", ',cache_source="device"'),
        _MODEL,
        at="80m",
        more=engine("sglang:prompt_tokens_total", "0+1000x90"),
    ),
    "ModelNotServing": Case(up("1x20 0x40"), up("1x60"), _MODEL, survives=frozenset({"kube_pod_labels"})),
    "GroupStartOverdue": Case(
        merged(pod("kube_pod_created", "0x60"), pod("kube_pod_status_ready", "0x60", ',condition="true"')),
        merged(pod("kube_pod_created", "0x60"), pod("kube_pod_status_ready", "1x60", ',condition="true"')),
        _GROUP,
        at="50m",
        survives=frozenset({"kube_pod_status_ready"}),
        more=_LABELLED,
    ),
    "GroupRecreatedRepeatedly": Case(
        merged(
            *(
                named("kube_pod_created", f'namespace="inference",pod="m1-0",uid="u{n}"', "_ " * n * 10 + "0x9")
                for n in range(5)
            )
        ),
        named("kube_pod_created", 'namespace="inference",pod="m1-0",uid="u1"', "0x60"),
        _GROUP,
        at="50m",
        more=_LABELLED,
    ),
    "ImagePullFailing": Case(
        pod("kube_pod_container_status_waiting_reason", "1x60", ',container="engine",reason="ImagePullBackOff"'),
        pod("kube_pod_container_status_waiting_reason", "1x60", ',container="engine",reason="ContainerCreating"'),
        '{namespace="inference",pod="m1-0",container="engine",reason="ImagePullBackOff"}',
    ),
    "NoHealthyWorker": Case(
        merged(named("smg_worker_health", f'{_ROUTER},worker="http://10.0.0.1:30000"', "0x60"), up("1x60", _ROUTER)),
        merged(named("smg_worker_health", f'{_ROUTER},worker="http://10.0.0.1:30000"', "1x60"), up("1x60", _ROUTER)),
        _MODEL,
        survives=frozenset({"smg_worker_health", "up"}),
    ),
    "RouterCircuitOpen": Case(
        named("smg_worker_cb_state", f'{_ROUTER},worker="http://10.0.0.1:30000"', "1x60"),
        named("smg_worker_cb_state", f'{_ROUTER},worker="http://10.0.0.1:30000"', "0x60"),
        '{model="m1",worker="http://10.0.0.1:30000"}',
    ),
    "RouterErrorRateHigh": Case(router_answers("0+1x60"), router_answers("0x60"), _MODEL),
    "KvTransferFailing": Case(
        named("sglang:num_transfer_failed_reqs_total", _PREFILL, "0+2x60"),
        named("sglang:num_transfer_failed_reqs_total", _PREFILL, "9x60"),
        '{model="m1",role="prefill"}',
    ),
    "KvBootstrapFailing": Case(
        named("sglang:num_bootstrap_failed_reqs_total", _PREFILL, "0+2x60"),
        named("sglang:num_bootstrap_failed_reqs_total", _PREFILL, "9x60"),
        '{model="m1",role="prefill"}',
    ),
    "GpuXidError": Case(
        gpu("DCGM_FI_DEV_XID_ERRORS", "0x9 94x50"), gpu("DCGM_FI_DEV_XID_ERRORS", "31x60"), '{node="n1",gpu="3"}'
    ),
    "GpuMemoryErrors": Case(
        merged(
            gpu("DCGM_FI_DEV_ROW_REMAP_FAILURE", "1x60"),
            gpu("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "0x9 2x50"),
        ),
        merged(gpu("DCGM_FI_DEV_ROW_REMAP_FAILURE", "0x60"), gpu("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "2x60")),
        '{node="n1",gpu="3"}',
        survives=frozenset({"DCGM_FI_DEV_ROW_REMAP_FAILURE", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"}),
    ),
    "GpuLost": Case(
        merged(
            gpu("DCGM_FI_DEV_XID_ERRORS", "79x60"),
            node("kube_node_status_capacity", "8x60", ',resource="nvidia_com_gpu",unit="integer"'),
            node("kube_node_status_allocatable", "7x60", ',resource="nvidia_com_gpu",unit="integer"'),
        ),
        merged(
            gpu("DCGM_FI_DEV_XID_ERRORS", "0x60"),
            node("kube_node_status_capacity", "8x60", ',resource="nvidia_com_gpu",unit="integer"'),
            node("kube_node_status_allocatable", "8x60", ',resource="nvidia_com_gpu",unit="integer"'),
        ),
        '{node="n1"}',
        survives=frozenset({"DCGM_FI_DEV_XID_ERRORS", "kube_node_status_capacity", "kube_node_status_allocatable"}),
    ),
    "GpusIdle": Case(
        gpu("DCGM_FI_DEV_GPU_UTIL", "0x150"), gpu("DCGM_FI_DEV_GPU_UTIL", "80x150"), _MODEL, at="140m", more=_LABELLED
    ),
    "GpuUtilisationLow": Case(
        merged(gpu("DCGM_FI_DEV_GPU_UTIL", "40x60"), waiting("9x60")),
        merged(gpu("DCGM_FI_DEV_GPU_UTIL", "90x60"), waiting("9x60")),
        _MODEL,
        at="50m",
        more=_LABELLED,
    ),
    "GpuMemoryNearlyFull": Case(
        merged(gpu("DCGM_FI_DEV_FB_USED", "79x60"), gpu("DCGM_FI_DEV_FB_FREE", "1x60")),
        merged(gpu("DCGM_FI_DEV_FB_USED", "74x60"), gpu("DCGM_FI_DEV_FB_FREE", "6x60")),
        '{node="n1",gpu="3"}',
    ),
    "EfaErrors": Case(
        named("node_amazonefa_rdma_write_wr_err", 'instance="n1:9100",device="rdmap0s31",port="1"', "0+5x60"),
        named("node_amazonefa_rdma_write_wr_err", 'instance="n1:9100",device="rdmap0s31",port="1"', "70x60"),
        '{instance="n1:9100"}',
    ),
    "TrafficOnTcp": Case(
        pod(_SENT, "0+60000000000x60", ',interface="eth0"'),
        pod(_SENT, "0+60000000x60", ',interface="eth0"'),
        '{model="m1",pod="m1-0"}',
        more=merged(_LABELLED, engine("sglang:generation_tokens_total", "0+600x60")),
    ),
    "NodeLost": Case(
        ready("1x9 0x50"),
        ready("1x60"),
        '{node="n1",model="m1"}',
        survives=frozenset({"kube_pod_info", "kube_pod_labels"}),
        more=_LABELLED,
    ),
    "NodeUnschedulable": Case(
        node("kube_node_spec_unschedulable", "1x60"),
        node("kube_node_spec_unschedulable", "0x60"),
        '{node="n1"}',
        at="50m",
    ),
    "NodeBeingReplaced": Case(
        node(
            "kube_node_labels",
            "1x60",
            ',label_sagemaker_amazonaws_com_node_health_status="UnschedulablePendingReplacement"',
        ),
        node("kube_node_labels", "1x60", ',label_sagemaker_amazonaws_com_node_health_status="Schedulable"'),
        '{node="n1",status="UnschedulablePendingReplacement"}',
    ),
    "WeightsVolumeFull": Case(
        volume("50x60"), volume("500x60"), '{namespace="inference",persistentvolumeclaim="weights"}'
    ),
    "WeightsLoadSlow": Case(
        engine("sglang:weight_load_duration_seconds", "900x60", ',source="disk"'),
        engine("sglang:weight_load_duration_seconds", "400x60", ',source="disk"'),
        _MODEL,
        more=pod("kube_pod_created", "0x60"),
    ),
    "CacheStoreLost": Case(up("1x20 0x40", _STORE), up("1x60", _STORE), _MODEL),
    "WeightsPrefetchFailed": Case(
        named("kube_job_failed", 'namespace="inference",job_name="m1-weights",condition="true"', "1x60"),
        named("kube_job_failed", 'namespace="inference",job_name="m1-weights",condition="true"', "0x60"),
        '{job_name="m1-weights"}',
    ),
    "PodsPendingForGpu": Case(
        pod("kube_pod_status_unschedulable", "1x60"),
        pod("kube_pod_status_unschedulable", "0x60"),
        '{model="m1",lws="m1"}',
        more=_LABELLED,
    ),
    "ScalingAtLimit": Case(
        autoscaler(4, 1),
        autoscaler(4, 0),
        '{horizontalpodautoscaler="keda-hpa-m1"}',
        survives=frozenset({"kube_horizontalpodautoscaler_spec_min_replicas"}),
    ),
    "TargetLost": Case(
        up("0x60"),
        up("1x60"),
        '{namespace="inference",pod="m1-0",model="m1",node="n1"}',
        more=merged(
            pod("kube_pod_status_ready", "1x60", ',condition="true"'), pod("kube_pod_info", "1x60", ',node="n1"')
        ),
    ),
    "ClusterMetricsLost": Case(
        up("0x60", 'job="kube-state-metrics"'),
        up("1x60", 'job="kube-state-metrics"'),
        "{}",
        survives=frozenset({"up"}),
    ),
    "GpuMetricsLost": Case(
        up("0x60", 'job="nvidia-dcgm-exporter"'),
        up("1x60", 'job="nvidia-dcgm-exporter"'),
        "{}",
        survives=frozenset({"up"}),
        more=node("kube_node_status_capacity", "8x60", ',resource="nvidia_com_gpu",unit="integer"'),
    ),
    "KubeletCertificateExpiring": Case(
        node("kubelet_certificate_manager_server_ttl_seconds", "86400x120"),
        node("kubelet_certificate_manager_server_ttl_seconds", "8640000x120"),
        '{node="n1"}',
        at="100m",
    ),
    "EntryCertificateExpiring": Case(
        named("aws_certificatemanager_days_to_expiry_minimum", 'dimension_CertificateArn="arn:x"', "5x120"),
        named("aws_certificatemanager_days_to_expiry_minimum", 'dimension_CertificateArn="arn:x"', "60x120"),
        '{dimension_CertificateArn="arn:x"}',
        at="100m",
    ),
}
"""By alert. Those that only the plan feeds have tests of their own."""
