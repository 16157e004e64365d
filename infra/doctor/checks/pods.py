"""Pods that cannot start or do not stay: images, mounts, memory, communication. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.rules import Severity
from components.words import count
from infra.doctor.check import Symptom, check
from infra.doctor.expected import Expected
from infra.doctor.logs import PREFETCH, cause
from infra.doctor.observed import Cluster, Container, LogKey, Pod

_IMAGE: Final = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
_CONFIG: Final = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_MOUNT: Final = {"FailedMount", "FailedAttachVolume", "FailedMapVolume"}

_BY_CAUSE: Final = {
    "memory": (
        "out-of-memory.md",
        "a GPU ran out of memory",
        "lower `memFractionStatic`, or `arguments: {max-running-requests: N}`",
    ),
    "nccl": ("nccl-failure.md", "NCCL failed", "look at the EFA interfaces and at the first rank that ended"),
    "efa": ("efa-plugin-crash.md", "the EFA device plugin crashes", "use the image that this stack pins"),
    "token": ("unauthorized-token.md", "the hub refuses the token", "store a token that may read this model"),
    "hub": ("download-timeout.md", "the hub does not answer", "try again later, or take the weights from S3"),
    "full": ("storage-full.md", "the file system is full", "enlarge `fileSystem.storageCapacityGiB`"),
}


@check("pods.image", page="image-pull.md", reads=("pod",))
def an_image_cannot_be_pulled(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """An image cannot be pulled."""
    for pod, container in _containers(expected, cluster):
        if container.waiting in _IMAGE:
            yield Symptom(
                _named(pod, container),
                f"{container.waiting}: {container.message or 'no message'}",
                "look at repository, tag, digest and the way to the registry",
            )


@check("pods.config", page="pods-refused.md", reads=("pod",))
def a_container_cannot_be_made(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A container cannot be made: a secret, a config map or a path that it names is not there."""
    for pod, container in _containers(expected, cluster):
        if container.waiting in _CONFIG:
            yield Symptom(
                _named(pod, container),
                f"{container.waiting}: {container.message or 'no message'}",
                "make what the message names, or run `pulumi up`, which makes it",
            )


@check("pods.crash", page="crash-loop.md", reads=("pod",))
def a_container_does_not_stay(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A container ends again and again; its last words tell the cause where they can be read."""
    for pod, container in _containers(expected, cluster):
        looping = container.waiting == "CrashLoopBackOff"
        killed = container.ended == "OOMKilled"
        if container.name == PREFETCH or not (looping or killed):
            continue
        if killed:
            yield Symptom(
                _named(pod, container),
                f"OOMKilled: its memory limit was reached ({count(container.restarts, 'restart')})",
                "give it more host memory, or less shared memory",
                page="out-of-memory.md#host-memory",
            )
            continue
        log = cluster.logs.get(LogKey(pod.namespace, pod.name, container.name, previous=True), "")
        name, line = cause(log)
        page, what, fix = _BY_CAUSE.get(name, ("", f"ends with exit code {container.exit_code}", "read its last log"))
        words = f"{what}: {line}" if line else what
        yield Symptom(_named(pod, container), f"{words} ({count(container.restarts, 'restart')})", fix, page=page)


@check("pods.restarts", page="crash-loop.md", reads=("pod",), severity=Severity.WARNING)
def a_container_has_restarted(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A running container has ended before, for a cause that its last log tells."""
    for pod, container in _containers(expected, cluster):
        if container.waiting or not container.restarts or container.ended == "OOMKilled":
            continue
        name, line = cause(cluster.logs.get(LogKey(pod.namespace, pod.name, container.name, previous=True), ""))
        if name:
            page, what, fix = _BY_CAUSE[name]
            words = f"{what}: {line} ({count(container.restarts, 'restart')})"
            yield Symptom(_named(pod, container), words, fix, page=page)


@check("pods.mount", page="volume-mount.md", reads=("event", "pod"))
def a_volume_cannot_be_mounted(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """A volume cannot be mounted, and its pod waits for it."""
    waiting = {
        (pod.namespace, pod.name) for pod in cluster.pods if not pod.ready and pod.node and pod.phase == "Pending"
    }
    for event in cluster.events:
        if event.reason in _MOUNT and (event.namespace, event.name) in waiting:
            yield Symptom(
                f"pod {event.namespace}/{event.name}",
                f"{event.reason}: {event.message}",
                "look at the file system, its security group and the CSI driver's pod on this node",
            )


def _containers(expected: Expected, cluster: Cluster) -> Iterator[tuple[Pod, Container]]:
    for pod in cluster.pods:
        if pod.namespace in expected.namespaces and not pod.deleted:
            for container in pod.containers:
                yield pod, container


def _named(pod: Pod, container: Container) -> str:
    return f"pod {pod.namespace}/{pod.name}, container {container.name}"


def by_cause(name: str) -> tuple[str, str, str] | None:
    """Page, words and remedy of a cause that a log tells of; None for no cause."""
    return _BY_CAUSE.get(name)
