"""Settings of the HyperPod cluster; its instance groups are the node pools."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.settings import Settings


class LifecycleMode(StrEnum):
    """When our script runs on a node: instead of HyperPod's own set-up, after it, or not at all."""

    ON_CREATE = "OnCreate"
    ON_INIT_COMPLETE = "OnInitComplete"
    BOOTSTRAP = "Bootstrap"


class LifecycleSettings(Settings):
    """The lifecycle scripts: what every node runs when it is made, replaced or patched (not at a reboot)."""

    mode: LifecycleMode = LifecycleMode.ON_CREATE
    """`OnCreate` is what AWS's reference runs; `OnInitComplete` follows HyperPod's own set-up; `Bootstrap` has no
    script, so that images and pods stay on the 100 GB root disk."""
    bucket_name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")] | None = None
    """Name of the bucket that the stack makes for the scripts; null makes one from the cluster's.
    It must begin with `sagemaker-`: the managed policy of the nodes reads no other."""
    efa_lustre_client: bool = True
    """Configure the Lustre client for EFA where node and file system have it; a failure leaves TCP and is logged."""


class TieredStorageSettings(Settings):
    """Managed tiered storage: a daemon on each node keeps a share of its memory, e.g. for a key-value cache."""

    memory_percent: Annotated[int, Field(ge=1, le=100)] = 20
    """Share of every node's memory in percent; AWS's reference uses 20."""


class HyperPodSettings(Settings):
    """The HyperPod cluster. Name, control plane, and cluster subnets are frozen: a change would replace all nodes."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")] | None = None
    """Name of the HyperPod cluster; null takes the EKS cluster's."""
    node_recovery: Literal["Automatic", "None"] = "Automatic"
    """`Automatic` reboots or replaces faulty nodes; `None` only labels them."""
    provisioning_mode: Literal["Continuous", "Legacy"] = "Continuous"
    """`Continuous` keeps nodes that came while others are still missing, retries, and records events; `Legacy` makes
    or scales all or nothing."""
    lifecycle: LifecycleSettings = LifecycleSettings()
    """The lifecycle scripts."""
    tiered_storage: TieredStorageSettings | None = None
    """Managed tiered storage; null is off."""
    auto_patch: bool = False
    """Refused: CloudFormation can order patches only for idle nodes, and nodes that serve never are."""
    restricted_instance_groups: bool = False
    """Refused: restricted groups run no lifecycle scripts, no continuous provisioning and no inference."""
