"""A thin typed client: manifests in, manifests out, refusals as exceptions with the server's own words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kubernetes.client import ApiClient, Configuration
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError
from kubernetes.dynamic.resource import Resource

Manifest = dict[str, Any]
T = TypeVar("T")

MANAGER = "sglang-hyperpod"
POLL_SECONDS = 0.2


class RefusedError(AssertionError):
    """The API server refused a request; the message is the server's."""

    def __init__(self, what: str, status: int, message: str) -> None:
        super().__init__(f"{what}: {status} {message}")
        self.status = status
        self.message = message


class NeverHappenedError(AssertionError):
    """What a test waited for did not come."""


class Client:
    """Speaks to one API server as the holder of `token`.

    `describe` is called where something waited for never comes, so that the failure tells why.
    """

    def __init__(self, server: str, authority: Path, token: str, describe: Callable[[], str] = str) -> None:
        configuration = Configuration()
        configuration.host = server
        configuration.ssl_ca_cert = str(authority)
        configuration.api_key = {"authorization": f"Bearer {token}"}
        self._dynamic = DynamicClient(ApiClient(configuration), cache_file=str(authority.parent / "discovery.json"))
        self._describe = describe

    def apply(
        self, manifest: Manifest, *, manager: str = MANAGER, dry_run: bool = False, force: bool = False
    ) -> Manifest:
        """Server-side apply with strict field validation; gives the object as the server then holds it."""
        query = [("fieldValidation", "Strict")]
        return self._send(
            "server_side_apply",
            manifest["apiVersion"],
            manifest["kind"],
            name_of(manifest),
            namespace_of(manifest),
            body=manifest,
            field_manager=manager,
            force_conflicts=force,
            dry_run="All" if dry_run else None,
            query_params=query,
        )

    def create(self, manifest: Manifest, *, strict: bool = True) -> Manifest:
        """Create an object as a plain client does; without `strict` the server drops what it does not know."""
        query = [("fieldValidation", "Strict" if strict else "Ignore")]
        return self._send(
            "create",
            manifest["apiVersion"],
            manifest["kind"],
            None,
            namespace_of(manifest),
            body=manifest,
            query_params=query,
        )

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Manifest:
        """One object; `RefusedError` with status 404 where there is none."""
        return self._send("get", api_version, kind, name, namespace)

    def find(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """One object, or nothing."""
        try:
            return self.get(api_version, kind, name, namespace)
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise

    def find_all(
        self, api_version: str, kind: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Manifest]:
        """Objects of one kind with all of `labels`, by name."""
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        found = self._send("get", api_version, kind, None, namespace, label_selector=selector or None)
        items = [{"apiVersion": api_version, "kind": kind, **item} for item in found["items"]]
        return sorted(items, key=name_of)

    def merge(self, manifest: Manifest, change: Manifest, *, subresource: str = "") -> Manifest:
        """Change an object by a JSON merge patch, or one subresource of it (`status`, `scale`)."""
        return self._send(
            "patch",
            manifest["apiVersion"],
            manifest["kind"],
            name_of(manifest),
            namespace_of(manifest),
            subresource=subresource,
            body=change,
            content_type="application/merge-patch+json",
        )

    def delete(self, manifest: Manifest, *, propagation: str = "Background", grace: int | None = None) -> None:
        """Ask for an object's deletion; one that is already gone is no error."""
        try:
            self._send(
                "delete",
                manifest["apiVersion"],
                manifest["kind"],
                name_of(manifest),
                namespace_of(manifest),
                propagation_policy=propagation,
                grace_period_seconds=grace,
            )
        except RefusedError as refused:
            if refused.status != 404:
                raise

    def evict(self, pod: Manifest) -> None:
        """Ask for a pod's eviction, as `kubectl drain` does; status 429 where a disruption budget forbids it."""
        name, namespace = name_of(pod), namespace_of(pod)
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        try:
            # The dynamic client knows no subresource that is of another group than its resource.
            path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
            self._dynamic.request("post", path, body=eviction, serialize=False)
        except DynamicApiError as refused:
            raise RefusedError(f"evict {name}", int(refused.status or 0), _message(refused.body)) from refused

    def namespaced(self, api_version: str, kind: str) -> bool:
        """Whether objects of this kind live in a namespace."""
        return bool(self._resource(api_version, kind).namespaced)

    def wait(self, what: str, probe: Callable[[], T | None], seconds: float = 30, pause: float = POLL_SECONDS) -> T:
        """Call `probe` until it gives something true; else `NeverHappenedError` with the cluster's own account."""
        deadline = time.monotonic() + seconds
        while not (found := probe()):
            if time.monotonic() > deadline:
                raise NeverHappenedError(f"not within {seconds:g} s: {what}\n{self._describe()}")
            time.sleep(pause)
        return found

    def _resource(self, api_version: str, kind: str) -> Resource:
        return self._dynamic.resources.get(api_version=api_version, kind=kind)

    def _send(
        self,
        verb: str,
        api_version: str,
        kind: str,
        name: str | None,
        namespace: str | None,
        subresource: str = "",
        **options: Any,
    ) -> Manifest:
        what = f"{verb} {kind} {namespace or ''}/{name or ''}"
        try:
            resource = self._resource(api_version, kind)
            target = resource.subresources[subresource] if subresource else resource
            arguments = {"name": name} if name else {}
            response = getattr(self._dynamic, verb)(
                target, namespace=namespace, serialize=False, **arguments, **options
            )
            return json.loads(response.data)
        except ResourceNotFoundError as missing:
            raise RefusedError(what, 404, f"no kind {kind} in {api_version}") from missing
        except DynamicApiError as refused:
            status = 404 if isinstance(refused, NotFoundError) else int(refused.status or 0)
            raise RefusedError(what, status, _message(refused.body)) from refused


def name_of(manifest: Manifest) -> str:
    """`metadata.name`."""
    return manifest["metadata"]["name"]


def namespace_of(manifest: Manifest) -> str | None:
    """`metadata.namespace`, where there is one."""
    return manifest["metadata"].get("namespace")


def labels_of(manifest: Manifest) -> dict[str, str]:
    """`metadata.labels`, empty where there are none."""
    return manifest["metadata"].get("labels") or {}


def _message(body: str | bytes | None) -> str:
    try:
        return json.loads(body or "{}").get("message", "")
    except ValueError:
        return str(body)
