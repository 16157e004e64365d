"""Nodes wanted and there, pods that wait, scaling, groups against their limits, room on the file system. Pure."""

from __future__ import annotations

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, State, Threshold
from components.monitoring.dashboards.parts import Parts

_READY = 'kube_node_status_condition{condition="Ready",status="true"} == 1'
_GPU = 'resource="nvidia_com_gpu"'
_SCALER = "horizontalpodautoscaler"


def capacity(parts: Parts) -> Dashboard:
    """The whole stack."""
    rows = [_nodes(parts), _pods(parts), _groups(parts), *([_scaling(parts)] if parts.scaling else [])]
    return Dashboard(
        uid="sglang-capacity",
        title="SGLang / Capacity",
        description="Nodes wanted and there, pods that wait, groups against their limits, and scaling.",
        rows=tuple(rows),
        tags=("sglang",),
        hours=6,
    )


def _nodes(parts: Parts) -> Row:
    label, nodes = parts.pool_series_label, sum(pool.nodes for pool in parts.pools)
    there = f"kube_node_labels * on (node) group_left () ({_READY})"
    wanted = [Query(f"vector({pool.nodes})", f"{pool.name} wanted") for pool in parts.pools]
    return Row(
        "Nodes",
        (
            Panel(
                "Nodes wanted and there",
                "Nodes of each pool that the settings want, and those that are ready.",
                "short",
                (*wanted, Query(f"count by ({label}) ({there})", f"{{{{{label}}}}} ready")),
                width=12,
            ),
            Panel(
                "Nodes that take no pods",
                f"Of {nodes} nodes: those that are not ready, and those that are cordoned, being drained or replaced.",
                "short",
                (
                    Query(
                        'count(kube_node_status_condition{condition="Ready",status="true"} == 0) or vector(0)',
                        "not ready",
                    ),
                    Query("sum(kube_node_spec_unschedulable)", "cordoned"),
                ),
                (Threshold(1, "orange"),),
                width=6,
            ),
            Panel(
                "GPUs",
                "GPUs that nodes offer, and those that pods ask for.",
                "short",
                (
                    Query(f"sum(kube_node_status_allocatable{{{_GPU}}})", "offered"),
                    Query(f"sum(kube_pod_container_resource_requests{{{_GPU}}})", "asked for"),
                ),
                width=6,
            ),
        ),
    )


def _pods(parts: Parts) -> Row:
    spaces = f'namespace=~"{parts.namespace}|{parts.router_namespace}"'
    volumes = Panel(
        "File system in use",
        "Share of the space of a volume of the engines. Checkpoints and what engines compile are there.",
        "percentunit",
        (
            Query(
                f'kubelet_volume_stats_used_bytes{{namespace="{parts.namespace}"}}'
                f' / kubelet_volume_stats_capacity_bytes{{namespace="{parts.namespace}"}}',
                "{{persistentvolumeclaim}}",
            ),
        ),
        (Threshold(0.8, "orange"), Threshold(0.9, "red")),
        maximum=1,
        width=6,
    )
    width = 6 if parts.volumes else 8
    return Row(
        "Pods",
        (
            Panel(
                "Pods that wait",
                "Pods of engines and routers that are not running yet; unschedulable ones find no node that has what "
                "they ask for.",
                "short",
                (
                    Query(
                        f'sum by (namespace) (kube_pod_status_phase{{phase="Pending",{spaces}}})',
                        "{{namespace}} pending",
                    ),
                    Query(f"sum(kube_pod_status_unschedulable{{{spaces}}}) or vector(0)", "unschedulable"),
                ),
                (Threshold(1, "orange"),),
                width=width,
            ),
            Panel(
                "Reasons to wait",
                "Why containers of engines and routers do not start: an image that cannot be pulled, a crash.",
                "short",
                (
                    Query(
                        f"sum by (reason) (kube_pod_container_status_waiting_reason{{{spaces}}}) or "
                        'label_replace(vector(0), "reason", "none", "", "")',
                        "{{reason}}",
                    ),
                ),
                (Threshold(1, "orange"),),
                width=width,
            ),
            Panel(
                "Restarts",
                "Restarts of containers in the last hour. A rank that restarts takes its group with it.",
                "short",
                (
                    Query(
                        f"sum by (namespace) (increase(kube_pod_container_status_restarts_total{{{spaces}}}[1h]))",
                        "{{namespace}}",
                    ),
                ),
                (Threshold(1, "orange"),),
                width=width,
            ),
            *([volumes] if parts.volumes else []),
        ),
    )


def _groups(parts: Parts) -> Row:
    names = "|".join(group.stateful_set for model in parts.models for group in model.groups)
    sets = f'namespace="{parts.namespace}",statefulset=~"{names}"'
    routers = f'namespace="{parts.router_namespace}"'
    panels = [
        Panel(
            "Groups wanted and ready",
            "Groups of each LeaderWorkerSet: wanted, and those whose leader is ready. The leaders are a StatefulSet of "
            "the LeaderWorkerSet's name.",
            "short",
            (
                Query(f"sum by (statefulset) (kube_statefulset_replicas{{{sets}}})", "{{statefulset}} wanted"),
                Query(
                    f"sum by (statefulset) (kube_statefulset_status_replicas_ready{{{sets}}})", "{{statefulset}} ready"
                ),
            ),
            width=12,
        ),
        Panel(
            "Leaders made anew",
            "Leaders that began in the last hour: LeaderWorkerSet makes the whole group anew when a pod of it fails.",
            "short",
            (
                Query(
                    f'count by (created_by_name) (kube_pod_info{{namespace="{parts.namespace}",'
                    f'created_by_name=~"{names}"}} * on (namespace, pod, uid) group_left ()'
                    " (time() - kube_pod_created < 3600)) or "
                    'label_replace(vector(0), "created_by_name", "none", "", "")',
                    "{{created_by_name}}",
                ),
            ),
            (Threshold(3, "orange"),),
            width=12 if not parts.routed else 6,
        ),
    ]
    if parts.routed:
        panels.append(
            Panel(
                "Routers wanted and there",
                "Routers of each model: wanted, and available.",
                "short",
                (
                    Query(f"sum by (deployment) (kube_deployment_spec_replicas{{{routers}}})", "{{deployment}} wanted"),
                    Query(
                        f"sum by (deployment) (kube_deployment_status_replicas_available{{{routers}}})",
                        "{{deployment}} there",
                    ),
                ),
                width=6,
            )
        )
    return Row("Groups", tuple(panels))


def _scaling(parts: Parts) -> Row:
    within = f'namespace="{parts.namespace}"'

    def of_scaler(metric: str) -> str:
        return _named(f"sum by ({_SCALER}) (kube_horizontalpodautoscaler_{metric}{{{within}}})")

    return Row(
        "Scaling",
        (
            Panel(
                "Groups against their limits",
                "Groups that the autoscaler wants, and the most and fewest that it may. At the most, a queue stays.",
                "short",
                (
                    Query(of_scaler("status_desired_replicas"), "{{lws}} wanted"),
                    Query(of_scaler("spec_max_replicas"), "{{lws}} most"),
                    Query(of_scaler("spec_min_replicas"), "{{lws}} fewest"),
                ),
                width=12,
            ),
            Panel(
                "At the limit",
                "Whether the autoscaler wants as many groups as it may.",
                "short",
                (
                    Query(
                        f"{of_scaler('status_desired_replicas')} >= bool {of_scaler('spec_max_replicas')}",
                        "{{lws}}",
                    ),
                ),
                kind="state-timeline",
                states=(State(0, "below", "green"), State(1, "at its limit", "orange")),
                width=12,
            ),
            Panel(
                "Scale events",
                "Times in the last hour that the autoscaler wanted another number of groups. Many of them: the target "
                "or the stabilisation window is too small.",
                "short",
                (
                    Query(
                        _named(
                            f"sum by ({_SCALER}) (changes("
                            f"kube_horizontalpodautoscaler_status_desired_replicas{{{within}}}[1h]))"
                        ),
                        "{{lws}}",
                    ),
                ),
                (Threshold(6, "orange"),),
            ),
            Panel(
                "What it scales by",
                "The value of each trigger, as KEDA reads it from Prometheus.",
                "short",
                (
                    Query(
                        "max by (scaledObject, metric) "
                        f'(keda_scaler_metrics_value{{exported_namespace="{parts.namespace}"}})',
                        "{{scaledObject}} {{metric}}",
                    ),
                ),
            ),
            Panel(
                "Errors of KEDA",
                "Errors per second while KEDA read a trigger. Without values it keeps the groups that are there, or "
                "those of its fallback.",
                "cps",
                (
                    Query(
                        'sum by (scaledObject) (rate(keda_scaled_object_errors_total{exported_namespace="'
                        f'{parts.namespace}"}}[$__rate_interval]))',
                        "{{scaledObject}}",
                    ),
                ),
                (Threshold(0.01, "red"),),
            ),
        ),
    )


def _named(expression: str) -> str:
    """With a label `lws`: KEDA calls the autoscaler `keda-hpa-` and the ScaledObject's name, which is the group's."""
    return f'label_replace({expression}, "lws", "$1", "{_SCALER}", "keda-hpa-(.*)")'
