"""Storage, capacity, security and monitoring itself."""

from __future__ import annotations

from typing import Final

from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Feature, Severity

_STORAGE: Final = (
    Alert(
        name="WeightsVolumeFull",
        family=Family.STORAGE,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBELET,),
        metrics=("kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"),
        labels=("namespace", "persistentvolumeclaim"),
        expression="max by (namespace, persistentvolumeclaim)"
        ' (1 - kubelet_volume_stats_available_bytes{namespace=~"<engines>"}'
        ' / kubelet_volume_stats_capacity_bytes{namespace=~"<engines>"}) > <volumeRatio>',
        minutes=15,
        summary="{{ $labels.persistentvolumeclaim }} is {{ $value | humanizePercentage }} full",
        description="The next checkpoint will not fit on the file system.",
        dashboard="sglang-capacity",
        source="kubernetes-sigs/aws-fsx-csi-driver v1.9.0 pkg/driver/node.go: NodeGetVolumeStats",
        features=frozenset({Feature.FILE_SYSTEM}),
    ),
    Alert(
        name="WeightsLoadSlow",
        family=Family.STORAGE,
        severity=Severity.WARNING,
        exporters=(Exporter.ENGINE, Exporter.PLAN, Exporter.KUBE_STATE),
        metrics=(
            "sglang:weight_load_duration_seconds",
            "sglang_hyperpod:startup_allowance_seconds",
            "kube_pod_created",
        ),
        labels=("model",),
        # The engine keeps the figure of its start for ever: only the last two hours' starts count.
        expression=(
            "max by (model) (sglang:weight_load_duration_seconds"
            " and on (namespace, pod) time() - kube_pod_created < 7200)"
            " / on (model) sglang_hyperpod:startup_allowance_seconds > <weightsLoadRatio>"
        ),
        minutes=0,
        summary="{{ $labels.model }} took {{ $value | humanizePercentage }} of its time to start to load its weights",
        description="The file system is slow, or much reads from it at once: the next start may be killed on the way.",
        dashboard="sglang-model",
        source="components/serving/pods/probes.py: what the startup probe allows",
        features=frozenset({Feature.FILE_SYSTEM}),
        older=(
            "max by (model) (sglang:engine_load_weights_time"
            " and on (namespace, pod) time() - kube_pod_created < 7200)"
            " / on (model) sglang_hyperpod:startup_allowance_seconds > <weightsLoadRatio>",
            ("sglang:engine_load_weights_time", "sglang_hyperpod:startup_allowance_seconds", "kube_pod_created"),
        ),
    ),
    Alert(
        name="WeightsPrefetchFailed",
        family=Family.STORAGE,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE,),
        metrics=("kube_job_failed",),
        labels=("job_name",),
        expression='max by (job_name) (kube_job_failed{namespace=~"<engines>",condition="true"}) == 1',
        minutes=0,
        summary="The job {{ $labels.job_name }} gave up fetching weights",
        description="The model that waits for them cannot start.",
        dashboard="sglang-overview",
        source="components/serving/weights/job.py: the job's retries and deadline",
        features=frozenset({Feature.PREFETCH}),
    ),
    Alert(
        name="CacheStoreLost",
        family=Family.STORAGE,
        severity=Severity.WARNING,
        exporters=(Exporter.PLAN, Exporter.PROMETHEUS),
        metrics=("sglang_hyperpod:store_info", "up"),
        labels=("model",),
        # Only what has answered within a day counts as lost: a master that is still on its way is no news.
        expression="max by (model) (sglang_hyperpod:store_info)"
        ' unless on (model) max by (model) (up{role="store"} == 1)'
        ' and on (model) max by (model) (max_over_time(up{role="store"}[1d]) == 1)',
        minutes=5,
        summary="The master of {{ $labels.model }}'s KV cache store does not answer",
        description="Engines serve on without the store, but a group that starts now gives up.",
        dashboard="sglang-overview",
        source="mooncake-transfer-engine 0.3.13.post1: setup fails after 90 s without a master, seen",
        features=frozenset({Feature.STORE}),
    ),
)

_CAPACITY: Final = (
    Alert(
        name="PodsPendingForGpu",
        family=Family.CAPACITY,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE, Exporter.PLAN),
        metrics=("kube_pod_status_unschedulable", "sglang_hyperpod:pod_info"),
        labels=("model", "lws"),
        expression='sum by (model, lws) (kube_pod_status_unschedulable{namespace=~"<engines>"}'
        " * on (namespace, pod) group_left (model, lws) sglang_hyperpod:pod_info) > 0",
        minutes=15,
        summary="{{ $value }} pods of {{ $labels.lws }} find no node",
        description="No node has the GPUs, the EFA interfaces or the memory that they ask for.",
        dashboard="sglang-capacity",
        source="kubernetes: the pod condition PodScheduled, reason Unschedulable",
    ),
    Alert(
        name="ScalingAtLimit",
        family=Family.CAPACITY,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBE_STATE,),
        metrics=(
            "kube_horizontalpodautoscaler_status_current_replicas",
            "kube_horizontalpodautoscaler_spec_max_replicas",
            "kube_horizontalpodautoscaler_spec_min_replicas",
            "kube_horizontalpodautoscaler_status_condition",
        ),
        labels=("horizontalpodautoscaler",),
        expression="max by (horizontalpodautoscaler)"
        ' (kube_horizontalpodautoscaler_status_current_replicas{namespace=~"<engines>|<routers>"}'
        " >= on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas"
        " and on (namespace, horizontalpodautoscaler)"
        ' kube_horizontalpodautoscaler_status_condition{condition="ScalingLimited",status="true"} == 1'
        # KEDA's autoscaler of a model that may have no group has at least 1: at 1 of 1 it is limited from below.
        " unless on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas"
        " == on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_min_replicas)",
        minutes=15,
        summary="{{ $labels.horizontalpodautoscaler }} wants more than its {{ $value }} replicas and may not have them",
        description="The load asks for more groups than the limit of the autoscaler allows.",
        dashboard="sglang-capacity",
        source="kubernetes: the autoscaler's condition ScalingLimited",
        features=frozenset({Feature.SCALING}),
    ),
    *(
        Alert(
            name=name,
            family=Family.CAPACITY,
            severity=severity,
            exporters=(Exporter.PLAN,),
            metrics=("sglang_hyperpod:capacity_ends_timestamp_seconds",),
            labels=("pool", "kind"),
            expression=f"sglang_hyperpod:capacity_ends_timestamp_seconds - time() < {seconds}",
            minutes=0,
            summary="The {{ $labels.kind }} of pool {{ $labels.pool }} ends in {{ $value | humanizeDuration }}",
            description="Its instances are taken back from 30 minutes before the end, whatever runs on them.",
            dashboard="sglang-capacity",
            source="docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-blocks.html",
            features=frozenset({Feature.ENDING_CAPACITY}),
        )
        for name, severity, seconds in (
            ("ReservedCapacityEnding", Severity.WARNING, "<capacityDays> * 86400"),
            ("ReservedCapacityEndsToday", Severity.CRITICAL, "86400"),
        )
    ),
)

_SECURITY: Final = (
    Alert(
        name="EngineVulnerable",
        family=Family.SECURITY,
        severity=Severity.WARNING,
        exporters=(Exporter.PLAN,),
        metrics=("sglang_hyperpod:engine_cve_info",),
        labels=("model", "engine_version", "cve", "score", "fixed_in"),
        expression="max by (model, engine_version, cve, score, fixed_in) (sglang_hyperpod:engine_cve_info) > 0",
        minutes=0,
        summary="{{ $labels.model }} runs SGLang {{ $labels.engine_version }}, which has {{ $labels.cve }}",
        description="Score {{ $labels.score }}; release {{ $labels.fixed_in }} has the fix.",
        dashboard="sglang-overview",
        source="components/facts/engines/security.py",
    ),
    Alert(
        name="KubeletCertificateExpiring",
        family=Family.SECURITY,
        severity=Severity.WARNING,
        exporters=(Exporter.KUBELET,),
        metrics=("kubelet_certificate_manager_server_ttl_seconds",),
        labels=("node",),
        expression="min by (node) (kubelet_certificate_manager_server_ttl_seconds) < <certificateDays> * 86400",
        minutes=60,
        summary="The kubelet's certificate on {{ $labels.node }} ends in {{ $value | humanizeDuration }}",
        description="It renews itself long before; afterwards logs, exec and metrics of the node are out of reach.",
        dashboard="sglang-capacity",
        source="kubernetes v1.34.9 pkg/kubelet/certificate/kubelet.go",
    ),
    Alert(
        name="EntryCertificateExpiring",
        family=Family.SECURITY,
        severity=Severity.CRITICAL,
        exporters=(Exporter.CLOUDWATCH,),
        metrics=("aws_certificatemanager_days_to_expiry_minimum",),
        labels=("dimension_CertificateArn",),
        expression="min by (dimension_CertificateArn) (aws_certificatemanager_days_to_expiry_minimum)"
        " < <certificateDays>",
        minutes=60,
        summary="{{ $labels.dimension_CertificateArn }} ends in {{ $value }} days",
        description="ACM renews what it issued and validates by DNS; imported certificates it does not.",
        dashboard="sglang-overview",
        source="docs.aws.amazon.com/acm/latest/userguide/cloudwatch-metrics.html: DaysToExpiry",
        features=frozenset({Feature.CERTIFICATE}),
    ),
)

_MONITORING: Final = (
    Alert(
        name="Watchdog",
        family=Family.MONITORING,
        severity=Severity.NONE,
        exporters=(),
        metrics=(),
        labels=(),
        expression="vector(1)",
        minutes=0,
        summary="Prometheus and Alertmanager are alive",
        description="It always fires. Whoever receives it as a heartbeat tells when it stops.",
        dashboard="sglang-overview",
        source="kube-prometheus general.rules, whose own Watchdog this one replaces",
    ),
    Alert(
        name="TargetLost",
        family=Family.MONITORING,
        severity=Severity.WARNING,
        exporters=(Exporter.PROMETHEUS, Exporter.KUBE_STATE),
        metrics=("up", "kube_pod_status_ready", "kube_pod_info"),
        labels=("namespace", "pod", "model", "node"),
        # An engine serves /metrics only once its model is loaded, so a pod that is not ready is not lost.
        expression='max by (namespace, pod, model, node) ((up{namespace=~"<engines>|<routers>"} == 0'
        ' and on (namespace, pod) kube_pod_status_ready{condition="true"} == 1)'
        " * on (namespace, pod) group_left (node) max by (namespace, pod, node) (kube_pod_info))",
        minutes=5,
        summary="{{ $labels.namespace }}/{{ $labels.pod }} is ready but cannot be scraped",
        description="What the dashboards and the autoscaler know of it is out of date.",
        dashboard="sglang-overview",
        source="Prometheus: up",
    ),
    Alert(
        name="ClusterMetricsLost",
        family=Family.MONITORING,
        severity=Severity.CRITICAL,
        exporters=(Exporter.PROMETHEUS,),
        metrics=("up",),
        labels=(),
        expression='absent(up{job="kube-state-metrics"} == 1)',
        minutes=10,
        summary="kube-state-metrics cannot be scraped",
        description="Alerts on nodes, pods, pulls and scaling are blind until it is back.",
        dashboard="sglang-overview",
        source="kube-prometheus-stack: the job of kube-state-metrics",
    ),
    Alert(
        name="GpuMetricsLost",
        family=Family.MONITORING,
        severity=Severity.WARNING,
        exporters=(Exporter.DCGM, Exporter.PROMETHEUS, Exporter.KUBE_STATE),
        metrics=("up", "kube_node_status_capacity"),
        labels=(),
        expression='absent(up{job="nvidia-dcgm-exporter"} == 1)'
        ' and on () sum(kube_node_status_capacity{resource="nvidia_com_gpu"}) > 0',
        minutes=15,
        summary="There are GPUs, and no DCGM exporter can be scraped",
        description="Alerts on GPUs are blind until one is back.",
        dashboard="sglang-fabric-gpu",
        source="NVIDIA/gpu-operator assets/state-dcgm-exporter/0500_service_monitor.yaml: jobLabel app",
    ),
)

ALERTS: Final = (*_STORAGE, *_CAPACITY, *_SECURITY, *_MONITORING)
"""Storage, capacity, security and monitoring."""
