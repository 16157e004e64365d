"""No pod has more of its node than its transport and its caches need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from components.aws.nodes.plan import NVME_PATH
from components.monitoring.efa_exporter.plan import HOST_PATHS as COUNTERS
from components.monitoring.efa_exporter.plan import NAMESPACE as EFA_EXPORTER
from components.rules import Finding
from components.serving.disaggregation.transports import TRANSPORTS
from components.serving.names import NAMESPACE
from components.serving.pods.template import TRANSPORT_LABEL
from infra.policy.check import CheckSet
from infra.policy.resource import Resource
from infra.policy.values import at, items, known, mapping, text
from infra.policy.workloads import EFA, WORKLOADS, Pod, pods

privilege = CheckSet()

CAPABILITIES: Final = {"IPC_LOCK": EFA}
"""Capabilities that a container may add, and the device whose transport needs it: libfabric locks the memory that EFA
writes to (awslabs/awsome-distributed-ai, deepep-benchmark)."""

PRIVILEGED_TRANSPORTS: Final = frozenset(name for name, row in TRANSPORTS.items() if row.privileged)
"""Transports of the KV cache that register GPU memory with EFA, which was shown to work in privileged pods alone; the
settings agree to it."""

PRIVILEGED_NAMESPACES: Final = {
    NAMESPACE: "engines lock memory and cache on the node's NVMe; the stack's admission policy gives the rest back",
    "gpu-operator": "the GPU operator's pods set up drivers and devices of their nodes",
    "fluent-bit": "the log shipper reads the files of its node's containers, and keeps its place on the node's disk",
    "node-exporter": "the node exporter reads its node's file systems and network",
    EFA_EXPORTER: "the EFA exporter reads the counters in its node's sysfs",
}
"""Namespaces whose pods may be privileged, each with its reason."""

_STANDARDS: Final = "kubernetes.io/docs/concepts/security/pod-security-standards"


@privilege.check("pods.privileged", *WORKLOADS, source=_STANDARDS)
def no_container_is_privileged(resource: Resource) -> Iterator[Finding]:
    """No container is privileged or can become it, but those that hand the KV cache over by EFA."""
    for pod in pods(resource):
        if _hands_over_by_efa(pod):
            continue
        for path, container in pod.containers:
            context = container.get("securityContext")
            if not known(context):
                continue
            if at(context, "privileged") is True:
                yield Finding(
                    f"{path}.securityContext.privileged",
                    "a privileged container is root on its node",
                    "leave it out; EFA and GPUs come from device plugins",
                )
            escalation = at(context, "allowPrivilegeEscalation")
            if known(escalation) and escalation is not False:
                yield Finding(
                    f"{path}.securityContext.allowPrivilegeEscalation",
                    "not false: a process may gain rights that its container was not given",
                    "set it to false",
                )


@privilege.check("pods.host", *WORKLOADS, source=_STANDARDS)
def no_pod_shares_its_node(resource: Resource) -> Iterator[Finding]:
    """No pod shares network, processes or memory with its node."""
    for pod in pods(resource):
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(field) is True:
                yield Finding(f"{pod.path}.{field}", "shares its node's own", "leave it out: no transport needs it")


@privilege.check("pods.capabilities", *WORKLOADS, source="awslabs/awsome-distributed-ai deepep-benchmark: IPC_LOCK")
def containers_add_what_their_transport_needs(resource: Resource) -> Iterator[Finding]:
    """A container drops every capability and adds only what the device that it asks for needs."""
    for pod in pods(resource):
        for path, container in pod.containers:
            capabilities = at(container, "securityContext.capabilities")
            privileged = at(container, "securityContext.privileged") is True and _hands_over_by_efa(pod)
            if privileged or not known(capabilities):
                continue
            dropped = items(at(capabilities, "drop"))
            if "ALL" not in dropped and all(map(known, dropped)):
                yield Finding(
                    f"{path}.securityContext.capabilities.drop", "keeps the runtime's capabilities", "drop ALL"
                )
            for name in filter(known, items(at(capabilities, "add"))):
                device = CAPABILITIES.get(name)
                if device is None or pod.asks(device) == 0:
                    yield Finding(
                        f"{path}.securityContext.capabilities.add",
                        f"adds {name}, which "
                        + (f"is for {device}, not asked for" if device else "nothing here needs"),
                        f"leave {name} out",
                    )


def _hands_over_by_efa(pod: Pod) -> bool:
    """Whether the pod serves one phase of a model over a transport that needs privilege, and has the devices for it."""
    here = text(at(pod.resource.props, "metadata.namespace")) == NAMESPACE
    return here and pod.labels.get(TRANSPORT_LABEL) in PRIVILEGED_TRANSPORTS and pod.asks(EFA) != 0


READABLE: Final = {EFA_EXPORTER: frozenset(COUNTERS)}
"""Folders of a node that the pods of a namespace may read, and never write."""


@privilege.check("pods.host-path", *WORKLOADS, source="components/aws/nodes/plan.py: NVME_PATH")
def pods_mount_only_the_nvme(resource: Resource) -> Iterator[Finding]:
    """A host path is a folder on the node's NVMe, or one that the namespace's pods may read."""
    for pod in pods(resource):
        readable = _readable(at(pod.resource.props, "metadata.namespace"))
        for index, volume in enumerate(items(pod.spec.get("volumes"))):
            path = text(at(volume, "hostPath.path"))
            if not path or path.startswith(tuple(f"{folder}/" for folder in NVME_PATH.values())):
                continue
            here = f"{pod.path}.volumes[{index}].hostPath.path"
            if path not in readable:
                yield Finding(
                    here,
                    f"{path} is a folder of the node's own",
                    f"use a folder below {' or '.join(NVME_PATH.values())}",
                )
            elif not _read_only(pod, text(at(volume, "name"))):
                yield Finding(here, f"{path} is a folder of the node's own and can be written", "mount it readOnly")


def _readable(namespace: Any) -> frozenset[str]:
    """What pods of a namespace may read; of one that is unknown, what any may."""
    if not known(namespace):
        return frozenset().union(*READABLE.values())
    return READABLE.get(str(namespace), frozenset())


def _read_only(pod: Pod, volume: str | None) -> bool:
    """Whether no container can write to a volume."""
    mounts = [mount for _, container in pod.containers for mount in items(container.get("volumeMounts"))]
    writable = [at(mount, "name") for mount in mounts if at(mount, "readOnly") in (None, False)]
    return volume not in writable


@privilege.check("pods.namespace-level", "kubernetes:core/v1:Namespace", source=_STANDARDS)
def namespaces_have_a_level(resource: Resource) -> Iterator[Finding]:
    """A namespace enforces a Pod Security level; `privileged` only where a reason is named."""
    labels = at(resource.props, "metadata.labels")
    name = text(at(resource.props, "metadata.name"))
    level = mapping(labels).get("pod-security.kubernetes.io/enforce")
    path = "metadata.labels[pod-security.kubernetes.io/enforce]"
    if not known(labels) or (level is not None and not known(level)) or name is None:
        return
    if level is None:
        yield Finding(path, f"namespace {name} lets every pod in", "enforce restricted")
    elif level == "privileged" and name not in PRIVILEGED_NAMESPACES:
        yield Finding(path, f"namespace {name} allows privileged pods and no reason is named", "enforce restricted")
