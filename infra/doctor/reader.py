"""Reads a cluster through `kubectl`: every kind once, several at a time, then the logs that these make interesting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from infra.doctor import parse
from infra.doctor.expected import Expected
from infra.doctor.kubectl import AbsentError, Kubectl, UnreadError
from infra.doctor.logs import wanted_logs
from infra.doctor.observed import Cluster, Manifest
from infra.doctor.reading import LOGS, OPTIONAL, READ, RELEASES

AT_ONCE = 6
"""Questions at a time; each is a process of its own that asks AWS for a token."""


def read(kubectl: Kubectl, expected: Expected, *, now: datetime | None = None) -> Cluster:
    """Read a cluster, with the kinds of the objects that it should have. Raises `NoClusterError` where none answers."""
    version = kubectl.version()
    unread: dict[str, str] = {}
    kinds = [*READ, *(kind for kind in expected.kinds if kind not in READ)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lists = pool.map(lambda kind: _attempt(lambda: kubectl.every(kind)), kinds)
        releases = pool.submit(_attempt, kubectl.release_labels)
        found = {kind: _taken(kind, answer, unread, []) for kind, answer in zip(kinds, lists, strict=True)}
        table = _taken(RELEASES, releases.result(), unread, "")
        cluster = replace(_cluster(found, table, version, now or datetime.now(UTC)), unread=unread)
        keys = list(wanted_logs(expected, cluster))
        logs = list(pool.map(lambda key: _attempt(lambda: kubectl.log(key)), keys))
    texts = {key: text for key, text in zip(keys, logs, strict=True) if isinstance(text, str)}
    silent = {LOGS: str(logs[0])} if logs and not texts else {}
    return replace(cluster, logs=texts, unread={**unread, **silent})


def _attempt(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except UnreadError as error:
        return error


def _taken(kind: str, answer: Any, unread: dict[str, str], nothing: Any) -> Any:
    if isinstance(answer, AbsentError) and kind in OPTIONAL:
        return nothing
    if isinstance(answer, UnreadError):
        unread[kind] = str(answer)
        return nothing
    return answer


def _cluster(found: dict[str, list[Manifest]], table: str, version: str, now: datetime) -> Cluster:
    everything = [manifest for manifests in found.values() for manifest in manifests]

    def each(kinds: Collection[str], make: Callable[[Manifest], Any]) -> tuple[Any, ...]:
        return tuple(make(manifest) for manifest in _sorted(everything, kinds))

    carriers = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Certificate")
    return Cluster(
        read_at=now,
        version=version,
        nodes=each(("Node",), parse.node),
        pods=each(("Pod",), parse.pod),
        events=each(("Event",), parse.event),
        workloads=each(("Deployment", "DaemonSet", "StatefulSet"), parse.workload),
        group_sets=each(("LeaderWorkerSet",), parse.group_set),
        jobs=each(("Job",), parse.job),
        claims=each(("PersistentVolumeClaim",), parse.claim),
        endpoints=each(("EndpointSlice",), parse.endpoints),
        budgets=each(("PodDisruptionBudget",), parse.budget),
        releases=tuple(parse.releases(table)),
        certificates=tuple(one for each in _sorted(everything, carriers) for one in parse.certificates(each)),
        api_services=each(("APIService",), parse.api_service),
        leaving=tuple(parse.leaving(everything)),
        objects={_key(manifest): manifest for manifest in everything},
    )


def _sorted(manifests: Iterable[Manifest], kinds: Collection[str]) -> Iterator[Manifest]:
    yield from sorted((each for each in manifests if each["kind"] in kinds), key=_key)


def _key(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace") or "", metadata["name"]
