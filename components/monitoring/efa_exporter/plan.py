"""The exporter as Kubernetes objects, as data. Pure: imports no Pulumi."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from components.facts import pins
from components.monitoring.efa_exporter.exporter import PORT
from components.monitoring.efa_exporter.settings import EfaExporterImageSettings
from components.platform.nodes import HEALTH_TOLERATION

NAMESPACE: Final = "efa-exporter"
"""The exporter's own namespace: it reads files of its node, which `restricted` does not allow."""
NAME: Final = "efa-exporter"
LABELS: Final = {"app.kubernetes.io/name": NAME}
SCRIPT: Final = "exporter.py"
INSTANCE_TYPE_LABEL: Final = "node.kubernetes.io/instance-type"

SYSFS: Final = "/host/sys"
HOST_PATHS: Final = ("/sys/class", "/sys/devices")
"""What of the node's sysfs the exporter sees: the class's links and where they lead.

The container's own /sys is that of its network namespace, in which an RDMA device that namespaces share is a stand-in
without counters (torvalds/linux drivers/infiniband/core/sysfs.c: hardware counters on the full device alone; seen in
k8snetworkplumbingwg/sriov-network-device-plugin#345 and nebius/soperator#403). The folder `class/infiniband` is missing
while no driver is loaded, and a pod would wait for it.
"""

_NOBODY: Final = 65534

Spec = Any
"""A DaemonSet's `spec`, or a part of it, under Kubernetes' own keys; contract tests hold it against the schema."""


@dataclass(frozen=True, slots=True)
class ExporterImage:
    """The image in which the exporter runs; a digest wins over the tag."""

    repository: str
    tag: str
    digest: str | None

    @property
    def reference(self) -> str:
        """What the kubelet pulls."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def exporter_image(given: EfaExporterImageSettings) -> ExporterImage:
    """The official image of Python, or its copy in a mirror."""
    return ExporterImage(given.repository or pins.PYTHON.repository, pins.PYTHON.tag, given.digest)


def script() -> str:
    """The exporter itself."""
    return (Path(__file__).parent / SCRIPT).read_text(encoding="utf-8")


def daemon_set(image: str, instance_types: Sequence[str], tolerations: Sequence[Mapping[str, Any]]) -> Spec:
    """`spec` of the DaemonSet, on nodes whose label says one of `instance_types`; `tolerations` answer the taints of
    their pools, and a node that HyperPod tests is read too.

    It has no priority class: with the engines' own priority, 0, it never puts one out.
    """
    on_efa = {"key": INSTANCE_TYPE_LABEL, "operator": "In", "values": list(instance_types)}
    return {
        "selector": {"matchLabels": LABELS},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}},
        "template": {
            "metadata": {
                "labels": LABELS,
                # A pod keeps running the script with which it began.
                "annotations": {"sglang-hyperpod/script": hashlib.sha256(script().encode()).hexdigest()[:16]},
            },
            "spec": {
                "affinity": {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [{"matchExpressions": [on_efa]}]
                        }
                    }
                },
                "tolerations": [*(dict(toleration) for toleration in tolerations), dict(HEALTH_TOLERATION)],
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 5,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _NOBODY,
                    "runAsGroup": _NOBODY,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [_container(image)],
                "volumes": [
                    {"name": "script", "configMap": {"name": NAME}},
                    *({"name": _volume(path), "hostPath": {"path": path, "type": "Directory"}} for path in HOST_PATHS),
                ],
            },
        },
    }


def _container(image: str) -> Spec:
    return {
        "name": "exporter",
        "image": image,
        "command": ["python3", "-I", "-B", f"/exporter/{SCRIPT}"],
        "args": ["--sysfs", SYSFS, "--address", "0.0.0.0", "--port", str(PORT)],  # noqa: S104 - the pod's own address
        "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": _probe(5, 2),
        "livenessProbe": _probe(20, 3),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "script", "mountPath": "/exporter", "readOnly": True},
            *(
                {"name": _volume(path), "mountPath": f"{SYSFS}{path.removeprefix('/sys')}", "readOnly": True}
                for path in HOST_PATHS
            ),
        ],
    }


def _probe(period: int, failures: int) -> Spec:
    return {
        "httpGet": {"path": "/healthz", "port": PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-")
