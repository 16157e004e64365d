"""The `platform` section: the settings of its rooms, and what else is installed in the cluster."""

from __future__ import annotations

from pydantic import Field

from components.platform.efa.settings import EfaSettings
from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.keda.settings import KedaSettings
from components.platform.load_balancer.settings import LoadBalancerSettings
from components.platform.lws.settings import LwsSettings
from components.platform.owners import Software
from components.settings import Settings


class PlatformSettings(Settings):
    """The operators on which engines stand. Each job in a cluster has one owner; two of them fight."""

    efa: EfaSettings = EfaSettings()
    """Device plugin of the Elastic Fabric Adapter."""
    gpu_operator: GpuOperatorSettings = GpuOperatorSettings()
    """NVIDIA GPU operator."""
    lws: LwsSettings = LwsSettings()
    """LeaderWorkerSet controller."""
    load_balancer: LoadBalancerSettings = LoadBalancerSettings()
    """AWS Load Balancer Controller."""
    keda: KedaSettings = KedaSettings()
    """Autoscaler."""
    also_installed: list[Software] = Field(default_factory=list)
    """What something other than this stack installs in the cluster (an add-on switched on in the console, another
    stack). It is compared with what this stack installs, so that no job gets two owners."""
