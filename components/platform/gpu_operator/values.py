"""Values of the chart `gpu-operator`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.nodes import HEALTH_TOLERATION

Substrate = Literal["eks", "hyperpod"]


def toolkit_wanted(gpu: GpuOperatorSettings, substrate: Substrate) -> bool:
    """Whether the operator installs the container toolkit: as the user says, or else as the node image needs it."""
    return substrate == "hyperpod" if gpu.toolkit is None else gpu.toolkit


def values(
    gpu: GpuOperatorSettings,
    *,
    substrate: Substrate,
    tolerations: Sequence[Mapping[str, Any]],
    node_selector: Mapping[str, str],
    metrics: bool,
) -> dict[str, Any]:
    """The chart's values.

    `tolerations` answer the taints of the GPU pools; they go to the operator's DaemonSets and to node feature
    discovery, which does not share the key. `metrics` says that the cluster has the ServiceMonitor kind.
    """
    tolerated = [dict(toleration) for toleration in tolerations]
    if substrate == "hyperpod":
        tolerated.append(dict(HEALTH_TOLERATION))
    return {
        "driver": {"enabled": False},
        "toolkit": {"enabled": toolkit_wanted(gpu, substrate)},
        "devicePlugin": {"enabled": True},
        # Engines get whole GPUs; the manager would reset GPUs when a node label says so.
        "migManager": {"enabled": False},
        "dcgm": {"enabled": False},
        "dcgmExporter": {
            "enabled": gpu.dcgm_exporter,
            "serviceMonitor": {
                "enabled": gpu.dcgm_exporter and metrics,
                "interval": f"{gpu.dcgm_interval_seconds}s",
                "scrapeTimeout": f"{min(gpu.dcgm_interval_seconds, 10)}s",
            },
        },
        "daemonsets": {"tolerations": tolerated},
        "operator": {
            "nodeSelector": dict(node_selector),
            "resources": {"limits": {"memory": gpu.memory_limit}},
        },
        "node-feature-discovery": {
            "master": {"nodeSelector": dict(node_selector)},
            "gc": {"nodeSelector": dict(node_selector)},
            "worker": {"tolerations": tolerated},
        },
    }
