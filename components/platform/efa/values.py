"""Values of the chart `aws-efa-k8s-device-plugin`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.platform.efa.settings import EfaSettings
from components.platform.nodes import HEALTH_TOLERATION
from components.platform.registries import add_on_registry

INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type"
_CHART_REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"


def values(
    efa: EfaSettings, *, region: str, instance_types: Sequence[str], tolerations: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The chart's values for exactly `instance_types`, written as the nodes' label says (`ml.` first on HyperPod).

    The list replaces the chart's own of about 200 types: one that is missing gets no EFA and NCCL falls back to TCP,
    one too many makes the plugin crash with "No valid EFA devices". Raises ValueError for an empty list, whose node
    affinity the API server would refuse.
    """
    if not instance_types:
        raise ValueError("the EFA device plugin needs at least one instance type with EFA")
    tolerated = [dict(toleration) for toleration in tolerations]
    if any(name.startswith("ml.") for name in instance_types):
        tolerated.append(dict(HEALTH_TOLERATION))
    return {
        "image": {"repository": efa.image_repository or _repository(region), "tag": efa.image_tag},
        # A single key: with more, the chart adds its guard against Auto Mode nodes to the last of the terms only.
        "supportedInstanceLabels": {"keys": [INSTANCE_TYPE_LABEL], "values": sorted(set(instance_types))},
        "tolerations": tolerated,
        "resources": {"requests": {"cpu": efa.cpu_request, "memory": efa.memory_request}},
        # One name whatever the release is called, so that commands in the documentation find it.
        "fullnameOverride": "aws-efa-k8s-device-plugin",
    }


def _repository(region: str) -> str:
    return f"{add_on_registry(region) or _CHART_REGISTRY}/eks/aws-efa-k8s-device-plugin"
