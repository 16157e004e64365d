"""What is read of every cluster, as `kubectl` calls it. Pure."""

from __future__ import annotations

from typing import Final

READ: Final = (
    "node",
    "pod",
    "event",
    "namespace",
    "deployment.v1.apps",
    "daemonset.v1.apps",
    "statefulset.v1.apps",
    "job.v1.batch",
    "persistentvolumeclaim",
    "endpointslice.v1.discovery.k8s.io",
    "poddisruptionbudget.v1.policy",
    "leaderworkerset.v1.leaderworkerset.x-k8s.io",
    "validatingwebhookconfiguration.v1.admissionregistration.k8s.io",
    "mutatingwebhookconfiguration.v1.admissionregistration.k8s.io",
    "certificate.v1.cert-manager.io",
    "apiservice.v1.apiregistration.k8s.io",
)
"""What is read of every cluster."""
OPTIONAL: Final = {"certificate.v1.cert-manager.io"}
"""Kinds that a cluster need not have."""
RELEASES: Final = "secrets"
"""Helm's records, of which only the labels are read."""
LOGS: Final = "pods/log"
