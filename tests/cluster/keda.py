"""KEDA beside a control plane: operator, external metrics API and admission webhook, with the rights of its chart.

The chart's own templates are not to be had here. Its rights are those of KEDA's kustomization
(`config/rbac/role.yaml`), where the release's value `rbac.scaledRefKinds` takes the place of "every scalable kind", as
the chart has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.client import Manifest
from tests.cluster.control_plane import KEDA, ControlPlane, launch
from tests.cluster.definitions import keda_webhooks, module
from tests.cluster.processes import free_ports
from tests.tools import find

PROGRAMS = ("keda-operator", "keda-adapter", "keda-webhooks")
NAMESPACE = "keda"
METRICS_API = "v1beta1.external.metrics.k8s.io"


def missing() -> list[str]:
    """What has to be built before KEDA can start (`make tools`)."""
    return [name for name in PROGRAMS if find(name) is None]


def install(plane: ControlPlane, values: Mapping[str, Any]) -> None:
    """Start KEDA with the rights that a release with these values gives it, and wait until it serves."""
    for manifest in _rights(values["rbac"]["scaledRefKinds"]):
        plane.client.apply(manifest, manager="charts")
    grpc, metrics, webhook, *others = free_ports(10)
    certificates = plane.folder / "keda"
    certificates.mkdir()
    plane.certificates.issue("keda", certificates)
    (certificates / "ca.crt").write_bytes(plane.authority.read_bytes())
    _start(plane, certificates, grpc, metrics, webhook, [f"127.0.0.1:{port}" for port in others])
    for manifest in [*_metrics_api(metrics), *_configurations(plane, webhook)]:
        plane.client.apply(manifest, manager="charts")
    plane.client.wait("KEDA serves the external metrics API", lambda: _served(plane), 60)


def _start(plane: ControlPlane, certificates: Path, grpc: int, metrics: int, webhook: int, others: list[str]) -> None:
    environment = {
        "KUBECONFIG": str(plane.folder / f"{KEDA}.json"),
        "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
        "POD_NAMESPACE": NAMESPACE,
        "WATCH_NAMESPACE": "",
    }
    operator = {
        "cert_dir": certificates,
        "leader_elect": "false",
        "metrics_service_bind_address": f"127.0.0.1:{grpc}",
        "metrics_bind_address": others[0],
        "health_probe_bind_address": others[1],
        "zap_log_level": "error",
    }
    launch(plane.processes, "keda-operator", operator, environment)
    authority = plane.authority
    adapter = {
        "secure_port": metrics,
        "bind_address": "127.0.0.1",
        "cert_dir": certificates,
        "tls_cert_file": certificates / "tls.crt",
        "tls_private_key_file": certificates / "tls.key",
        "client_ca_file": authority,
        "requestheader_client_ca_file": authority,
        "requestheader_allowed_names": "front-proxy",
        "authentication_kubeconfig": plane.folder / f"{KEDA}.json",
        "authorization_kubeconfig": plane.folder / f"{KEDA}.json",
        "lister_kubeconfig": plane.folder / f"{KEDA}.json",
        "metrics_service_address": f"localhost:{grpc}",
        "port": others[2].rpartition(":")[2],
    }
    launch(plane.processes, "keda-adapter", adapter, environment)
    admission = {
        "cert_dir": certificates,
        "port": webhook,
        "metrics_bind_address": others[3],
        "health_probe_bind_address": others[4],
    }
    launch(plane.processes, "keda-webhooks", admission, environment)


def _rights(scaled: list[dict[str, str]]) -> Iterator[Manifest]:
    """Namespace, account, roles and bindings."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": KEDA, "namespace": NAMESPACE},
    }
    for file in ("rbac/role.yaml", "rbac/role_binding.yaml", "metrics-server/role_binding.yaml"):
        for manifest in yaml.safe_load_all((module("keda") / "config" / file).read_text()):
            if manifest["kind"] == "ClusterRole":
                everything = [rule for rule in manifest["rules"] if rule["apiGroups"] == ["*"]]
                rest = [rule for rule in manifest["rules"] if rule not in everything]
                manifest["rules"] = [*rest, *_narrowed(everything, scaled)]
            yield manifest


def _narrowed(rules: list[dict[str, Any]], scaled: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for rule in rules:
        for kind in scaled:
            resources = [name.replace("*", kind["kind"]) for name in rule["resources"]]
            yield {"apiGroups": [kind["apiGroup"]], "resources": resources, "verbs": rule["verbs"]}


def _metrics_api(port: int) -> Iterator[Manifest]:
    """An API service cannot name an address, and endpoints may not be loopback: a Service of another name can."""
    name = "keda-metrics"
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }
    yield {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": METRICS_API},
        "spec": {
            "service": {"name": name, "namespace": NAMESPACE, "port": port},
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }


def _configurations(plane: ControlPlane, port: int) -> list[Manifest]:
    return keda_webhooks(f"https://127.0.0.1:{port}", plane.authority)


def _served(plane: ControlPlane) -> bool:
    service = plane.client.get("apiregistration.k8s.io/v1", "APIService", METRICS_API)
    conditions = (service.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)
