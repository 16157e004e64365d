"""Which property's change needs another object."""

from __future__ import annotations

_KUBERNETES = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})

_IMMUTABLE = {
    "kubernetes:batch/v1:Job": {"spec.template", "spec.selector", "spec.completionMode"},
    "kubernetes:apps/v1:Deployment": {"spec.selector"},
    "kubernetes:apps/v1:StatefulSet": {"spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"},
    "kubernetes:core/v1:PersistentVolume": {"spec.csi"},
    "kubernetes:core/v1:PersistentVolumeClaim": {"spec.volumeName", "spec.storageClassName", "spec.accessModes"},
    "kubernetes:storage.k8s.io/v1:StorageClass": {"provisioner", "parameters", "volumeBindingMode"},
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": {"value"},
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": {"roleRef"},
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": {"roleRef"},
}
"""What the API server does not let change (its validation), by type."""


def replacing(type: str) -> frozenset[str]:
    """The property paths of a type whose change replaces the object."""
    if type == "kubernetes:helm.sh/v3:Release":
        return frozenset({"name", "namespace"})
    if type.startswith("kubernetes:"):
        return _KUBERNETES | _IMMUTABLE.get(type, set())
    try:
        from components.facts.replaces import REPLACES
    except ImportError:
        REPLACES = {}

    return frozenset(REPLACES.get(type, ()))
