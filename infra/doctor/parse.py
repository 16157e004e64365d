"""From manifests, as the API server gives them, to what was seen. Pure."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.doctor.observed import (
    DEVICES,
    ApiService,
    Budget,
    Certificate,
    Claim,
    Container,
    Endpoints,
    Event,
    GroupSet,
    Job,
    Leaving,
    Manifest,
    Node,
    Pod,
    Release,
    Workload,
)

_EPOCH = datetime.fromtimestamp(0, UTC)
_PRESSURE = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")
"""Conditions of a node that are a fault where they are True; Ready and those that end in it are one where False."""


def node(manifest: Manifest) -> Node:
    """A Node."""
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    return Node(
        name=_name(manifest),
        labels=_labels(manifest),
        taints=frozenset(
            (taint["key"], taint.get("value") or "", taint["effect"]) for taint in spec.get("taints") or []
        ),
        ready=conditions.get("Ready", {}).get("status", "Unknown"),
        cordoned=bool(spec.get("unschedulable")),
        leaving="deletionTimestamp" in manifest["metadata"],
        devices={name: int((status.get("allocatable") or {}).get(name, 0)) for name in DEVICES},
        faults=tuple(
            (name, str(each.get("message") or each.get("reason") or ""))
            for name, each in conditions.items()
            if _is_fault(name, each["status"])
        ),
    )


def _is_fault(name: str, status: str) -> bool:
    """EKS' node monitoring agent adds AcceleratedHardwareReady, NetworkingReady and the like (EKS user guide, "Detect
    node health issues")."""
    return (name in _PRESSURE and status == "True") or (
        name.endswith("Ready") and name != "Ready" and status == "False"
    )


def pod(manifest: Manifest) -> Pod:
    """A Pod."""
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    scheduled = conditions.get("PodScheduled", {})
    waits = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    owners = manifest["metadata"].get("ownerReferences") or []
    reports = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return Pod(
        namespace=_namespace(manifest),
        name=_name(manifest),
        labels=_labels(manifest),
        node=spec.get("nodeName") or "",
        phase=status.get("phase") or "",
        ready=conditions.get("Ready", {}).get("status") == "True",
        created=_time(manifest["metadata"].get("creationTimestamp")),
        deleted=_time(when) if (when := manifest["metadata"].get("deletionTimestamp")) else None,
        unschedulable=str(scheduled.get("message") or "no message") if waits else "",
        owner=owners[0]["kind"] if owners else "",
        containers=tuple(_container(each) for each in reports),
    )


def _container(report: Manifest) -> Container:
    state, last = report.get("state") or {}, report.get("lastState") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    return Container(
        name=report["name"],
        waiting=waiting.get("reason") or "",
        message=waiting.get("message") or "",
        ended=ended.get("reason") or "",
        exit_code=int(ended.get("exitCode") or 0),
        restarts=int(report.get("restartCount") or 0),
    )


def event(manifest: Manifest) -> Event:
    """A core Event; one that a newer recorder wrote has its count in `series` and its time in `eventTime`."""
    about = manifest.get("involvedObject") or {}
    series = manifest.get("series") or {}
    seen = series.get("lastObservedTime") or manifest.get("lastTimestamp") or manifest.get("eventTime")
    return Event(
        kind=about.get("kind") or "",
        namespace=about.get("namespace") or "",
        name=about.get("name") or "",
        reason=manifest.get("reason") or "",
        message=manifest.get("message") or "",
        warning=manifest.get("type") == "Warning",
        count=int(series.get("count") or manifest.get("count") or 1),
        seen=_time(seen or manifest["metadata"].get("creationTimestamp")),
    )


def workload(manifest: Manifest) -> Workload:
    """A Deployment, DaemonSet or StatefulSet."""
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    if manifest["kind"] == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled"), status.get("numberReady")
    else:
        wanted, ready = spec.get("replicas", 1), status.get("readyReplicas")
    return Workload(
        kind=manifest["kind"],
        namespace=_namespace(manifest),
        name=_name(manifest),
        wanted=int(wanted or 0),
        ready=int(ready or 0),
    )


def group_set(manifest: Manifest) -> GroupSet:
    """A LeaderWorkerSet."""
    return GroupSet(
        namespace=_namespace(manifest),
        name=_name(manifest),
        labels=_labels(manifest),
        wanted=int((manifest.get("spec") or {}).get("replicas", 1)),
        ready=int((manifest.get("status") or {}).get("readyReplicas") or 0),
        created=_time(manifest["metadata"].get("creationTimestamp")),
    )


def job(manifest: Manifest) -> Job:
    """A Job."""
    status = manifest.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or [] if each["status"] == "True"}
    failed = conditions.get("Failed")
    return Job(
        namespace=_namespace(manifest),
        name=_name(manifest),
        complete="Complete" in conditions,
        failed=(failed.get("reason") or "Failed") if failed else "",
        failures=int(status.get("failed") or 0),
    )


def claim(manifest: Manifest) -> Claim:
    """A PersistentVolumeClaim."""
    phase = (manifest.get("status") or {}).get("phase") or ""
    return Claim(namespace=_namespace(manifest), name=_name(manifest), phase=phase)


def endpoints(manifest: Manifest) -> Endpoints:
    """An EndpointSlice; an endpoint whose readiness is not told counts as ready, as the API says."""
    ready = [
        each for each in manifest.get("endpoints") or [] if (each.get("conditions") or {}).get("ready") is not False
    ]
    targets = [each.get("targetRef") or {} for each in ready]
    return Endpoints(
        namespace=_namespace(manifest),
        service=_labels(manifest).get("kubernetes.io/service-name", ""),
        pods=frozenset(target["name"] for target in targets if target.get("kind") == "Pod"),
    )


def budget(manifest: Manifest) -> Budget:
    """A PodDisruptionBudget."""
    status = manifest.get("status") or {}
    return Budget(
        namespace=_namespace(manifest),
        name=_name(manifest),
        pods=int(status.get("expectedPods") or 0),
        healthy=int(status.get("currentHealthy") or 0),
        allowed=int(status.get("disruptionsAllowed") or 0),
    )


def api_service(manifest: Manifest) -> ApiService:
    """An APIService."""
    conditions = {each["type"]: each for each in (manifest.get("status") or {}).get("conditions") or []}
    available = conditions.get("Available", {})
    reason = str(available.get("message") or available.get("reason") or "no reason")
    return ApiService(name=_name(manifest), unavailable=reason if available.get("status") == "False" else "")


def certificates(manifest: Manifest) -> Iterator[Certificate]:
    """The authorities that a webhook configuration carries, or the certificate that cert-manager tells of."""
    holder = f"{manifest['kind']} {_name(manifest)}"
    if manifest["kind"] == "Certificate":
        if ends := (manifest.get("status") or {}).get("notAfter"):
            yield Certificate(holder=holder, ends=_time(ends))
        return
    bundles = {(each.get("clientConfig") or {}).get("caBundle") for each in manifest.get("webhooks") or []}
    ends = [end for bundle in bundles if bundle for end in _ends(bundle)]
    if ends:
        # Several stand there while one is rotated: the last to end decides.
        yield Certificate(holder=holder, ends=max(ends))


def _ends(bundle: str) -> Iterator[datetime]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=base64.b64decode(bundle).decode())
    except (ssl.SSLError, binascii.Error, UnicodeDecodeError):
        return
    for authority in context.get_ca_certs():
        yield datetime.fromtimestamp(ssl.cert_time_to_seconds(str(authority["notAfter"])), UTC)


def releases(table: str) -> Iterator[Release]:
    """Helm releases from `kubectl get secrets -L name,status,version`: labels alone, so that no content is read."""
    newest: dict[tuple[str, str], Release] = {}
    for line in table.splitlines():
        columns = line.split()
        if len(columns) < 8 or not columns[-1].isdigit():
            continue
        namespace, (name, status, revision) = columns[0], columns[-3:]
        found = Release(namespace=namespace, name=name, status=status, revision=int(revision))
        known = newest.get((namespace, name))
        if known is None or known.revision < found.revision:
            newest[namespace, name] = found
    yield from newest.values()


def leaving(manifests: Iterable[Manifest]) -> Iterator[Leaving]:
    """The objects among `manifests` whose deletion was asked for and that finalizers hold.

    A namespace keeps its finalizers in its `spec`.
    """
    for manifest in manifests:
        metadata = manifest["metadata"]
        finalizers = (*(metadata.get("finalizers") or ()), *((manifest.get("spec") or {}).get("finalizers") or ()))
        if "deletionTimestamp" in metadata and finalizers:
            yield Leaving(
                kind=manifest["kind"],
                namespace=_namespace(manifest),
                name=_name(manifest),
                since=_time(metadata["deletionTimestamp"]),
                finalizers=finalizers,
            )


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(str(text)) if text else _EPOCH


def _name(manifest: Manifest) -> str:
    return manifest["metadata"]["name"]


def _namespace(manifest: Manifest) -> str:
    return manifest["metadata"].get("namespace") or ""


def _labels(manifest: Manifest) -> Mapping[str, str]:
    return manifest["metadata"].get("labels") or {}
