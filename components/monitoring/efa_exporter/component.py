"""The stack's own exporter of EFA counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.kube import PodSecurity, custom_object
from components.monitoring.efa_exporter.exporter import PORT
from components.monitoring.efa_exporter.plan import (
    LABELS,
    NAME,
    NAMESPACE,
    SCRIPT,
    Spec,
    daemon_set,
    exporter_image,
    script,
)
from components.monitoring.efa_exporter.settings import EfaExporterSettings
from components.monitoring.monitors import NodeTarget
from components.monitoring.traffic import closed_namespace
from components.network_policies import opened, prometheus


class EfaExporter(Component):
    """A pod on every node of `instance_types`, which Prometheus in `monitoring_namespace` scrapes, and nobody else.

    `instance_types` as the nodes' label `node.kubernetes.io/instance-type` says; `tolerations` answer the taints of
    their pools. It waits for the Prometheus operator (`Monitoring.ready`, by `after`). Not to be made where no pool has
    EFA.
    """

    token = "sglang-hyperpod:monitoring:EfaExporter"

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: EfaExporterSettings,
        *,
        instance_types: Sequence[str],
        tolerations: Sequence[Mapping[str, Any]],
        monitoring_namespace: str,
        interval_seconds: int,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        scraped = opened(LABELS, into=[([prometheus(monitoring_namespace)], PORT)])
        room = closed_namespace(self, NAMESPACE, PodSecurity.PRIVILEGED, {"prometheus": scraped}, names=False)
        in_room = self.child(depends_on=room)  # objects name their namespace as text
        metadata: Spec = {"name": NAME, "namespace": NAMESPACE}
        files = k8s.core.v1.ConfigMap(f"{name}-script", metadata=metadata, data={SCRIPT: script()}, opts=in_room)
        k8s.apps.v1.DaemonSet(
            f"{name}-daemon-set",
            # Its nodes are made later, and cost too much to wait for.
            metadata={**metadata, "labels": LABELS, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec=daemon_set(exporter_image(settings.image).reference, instance_types, tolerations),
            opts=self.child(depends_on=[*room, files]),  # pods name the ConfigMap as text
        )
        custom_object(
            f"{name}-monitor",
            "monitoring.coreos.com/v1",
            "PodMonitor",
            metadata,
            self.child_after(*room),
            spec=NodeTarget(NAME, LABELS, PORT).pod_monitor(interval_seconds=interval_seconds),
        )
        self.register_outputs({})
