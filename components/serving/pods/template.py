"""The pod template of one rank; leader and workers differ in their probes alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components.serving.engine.arguments import KEY_FILE
from components.serving.engine.command import PORT
from components.serving.engine.environment import CACHE, POD_ADDRESS
from components.serving.pods.probes import DRAIN_SECONDS, probes
from components.serving.pods.resources import gib
from components.serving.weights import staging

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan

TRANSPORT_LABEL: Final = "sglang-hyperpod/transport"
"""On the pods of a phase: the transport of the KV cache, which decides whether they may be privileged."""

LOST_NODE_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints that the control plane puts on a node it lost."""


def pod_template(
    group: GroupPlan,
    *,
    leader: bool,
    service_account: str,
    claim_name: str | None,
    key_secret: str | None,
    annotations: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The template of the leader's or of a worker's pod. `claim_name` is the claim with the weights, `key_secret` the
    Secret with the API key; `annotations` may hold outputs.
    """
    metadata: dict[str, Any] = {"labels": labels(group)}
    noted = {**(group.transfer.annotations if group.transfer else {}), **(annotations or {})}
    if noted:
        metadata["annotations"] = noted
    return {
        "metadata": metadata,
        "spec": {
            "serviceAccountName": service_account,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": group.grace_period_seconds,
            "nodeSelector": dict(group.pool.node_selector),
            "tolerations": tolerations(group),
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            **_before(group),
            "containers": [_container(group, leader=leader, key_secret=key_secret)],
            "volumes": _volumes(group, claim_name, key_secret),
        },
    }


def labels(group: GroupPlan) -> dict[str, str]:
    """Labels of every pod of a role; LeaderWorkerSet adds its own for set, group and rank."""
    found = {
        "app.kubernetes.io/name": "sglang",
        "app.kubernetes.io/instance": group.name,
        "app.kubernetes.io/component": group.role,
        "app.kubernetes.io/managed-by": "pulumi",
    }
    return {**found, TRANSPORT_LABEL: group.transfer.transport.name} if group.transfer else found


def tolerations(group: GroupPlan) -> list[dict[str, Any]]:
    """What the pods tolerate: their pool's taints, and a lost node only briefly."""
    lost = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": group.toleration_seconds}
        for key in LOST_NODE_TAINTS
    ]
    return [*group.pool.tolerations, *lost]


def security_context(capabilities: tuple[str, ...], *, privileged: bool = False) -> dict[str, Any]:
    """All of the `restricted` level but its user: a capability reaches only root (Kubernetes adds none to the ambient
    set, KEP-2763), and the caches on the node's NVMe and the folders on Lustre belong to root. A privileged container
    has all capabilities, and an API server takes no other word on them beside it.
    """
    if privileged:
        return {"privileged": True}
    dropped: dict[str, Any] = {"drop": ["ALL"]}
    added = {"add": list(capabilities)} if capabilities else {}
    return {"allowPrivilegeEscalation": False, "privileged": False, "capabilities": {**dropped, **added}}


def _before(group: GroupPlan) -> dict[str, Any]:
    """What runs before the engine; it may not talk to anyone, so that it needs no capability."""
    if not group.weights.staged:
        return {}
    return {"initContainers": [staging.container(group.weights, group.image.reference, security_context(()))]}


def _container(group: GroupPlan, *, leader: bool, key_secret: str | None) -> dict[str, Any]:
    return {
        "name": "sglang",
        "image": group.image.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": list(group.command),
        "args": list(group.arguments),
        "env": _environment(group.environment),
        "ports": _ports(group),
        "resources": {"requests": group.resources.requests, "limits": group.resources.limits},
        "securityContext": security_context(group.capabilities, privileged=group.privileged),
        **probes(group.probes, leader=leader),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "volumeMounts": _mounts(group, key_secret),
    }


def _ports(group: GroupPlan) -> list[dict[str, Any]]:
    ports: list[dict[str, Any]] = [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]
    if group.transfer and group.transfer.bootstrap_port:
        ports.append({"name": "bootstrap", "containerPort": group.transfer.bootstrap_port, "protocol": "TCP"})
    return ports


def _environment(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """Variables in order; the kubelet fills in the pod's address where one refers to it."""
    entries: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in variables.items()]
    if any(f"$({POD_ADDRESS})" in value for value in variables.values()):
        address = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
        entries.insert(0, {"name": POD_ADDRESS, "valueFrom": address})
    return entries


def _mounts(group: GroupPlan, key_secret: str | None) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - where NCCL and torch share memory
        {"name": "cache", "mountPath": CACHE},
    ]
    if group.weights.staged:
        mounts.append({"name": "staged-weights", "mountPath": group.weights.staged_mount, "readOnly": True})
    if group.weights.mount_path:
        mounts.append({"name": "weights", "mountPath": group.weights.mount_path, "readOnly": True})
    if key_secret:
        mounts.append({"name": "api-key", "mountPath": KEY_FILE.rpartition("/")[0], "readOnly": True})
    if group.tuned_files:
        mounts.append({"name": "tuned", "mountPath": group.tuned_files.mount, "readOnly": True})
    return mounts


def _volumes(group: GroupPlan, claim_name: str | None, key_secret: str | None) -> list[dict[str, Any]]:
    shared = {"medium": "Memory", "sizeLimit": gib(group.resources.shared_memory_gib)}
    cache: dict[str, Any] = {"emptyDir": {}}
    if group.cache_path:
        cache = {"hostPath": {"path": group.cache_path, "type": "DirectoryOrCreate"}}
    volumes: list[dict[str, Any]] = [{"name": "shared-memory", "emptyDir": shared}, {"name": "cache", **cache}]
    if group.weights.mounted:
        volumes.append({"name": "weights", "persistentVolumeClaim": {"claimName": claim_name, "readOnly": True}})
    if group.staging_path:
        volumes += staging.volumes(group.staging_path)
    if key_secret:
        volumes.append({"name": "api-key", "secret": {"secretName": key_secret, "defaultMode": 0o400}})
    if group.tuned_files:
        items = [{"key": key, "path": path} for key, path in group.tuned_files.paths.items()]
        volumes.append({"name": "tuned", "configMap": {"name": group.tuned_files.name, "items": items}})
    return volumes
