"""The whole stack file as one model, put together from the rooms' own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from components.aws.eks.settings import ClusterSettings
from components.aws.hyperpod.settings import HyperPodSettings
from components.aws.lustre.settings import LustreSettings
from components.aws.network.settings import NetworkSettings
from components.aws.nodes.settings import GpuNodesSettings, NodePool, SystemPoolSettings
from components.gateway.settings import GatewaySettings
from components.monitoring.settings import MonitoringSettings
from components.platform.settings import PlatformSettings
from components.serving.settings import ModelSettings
from components.settings import Region, Settings
from infra.settings.prices import PriceTable

TagKey = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\w .:/=+@-]+$")]
TagValue = Annotated[str, StringConstraints(max_length=256)]


class StackSettings(Settings):
    """One stack: `Pulumi.<stack>.yaml` without the prefix `sglang-hyperpod:` of its keys."""

    region: Region
    """The AWS region; every provider of the stack is made from it, so `aws:region` has no say."""
    protect: bool = False
    """Guard what holds state (clusters, file systems, buckets, keys) against deletion; on in production."""
    strict: bool = False
    """Treat warnings as errors."""
    tags: dict[TagKey, TagValue] = Field(default={}, max_length=40)
    """Tags on every AWS resource that can carry tags; AWS allows 50, a few are the stack's own."""
    network: NetworkSettings = NetworkSettings()
    """The VPC, or the existing one to use."""
    cluster: ClusterSettings
    """The EKS cluster and what its nodes are made of."""
    system_pool: SystemPoolSettings = SystemPoolSettings()
    """The CPU nodes that come first: without them CoreDNS and the operators wait for ever."""
    hyperpod: HyperPodSettings = HyperPodSettings()
    """The HyperPod cluster; read only where `cluster.substrate` is `hyperpod`."""
    node_pools: list[NodePool] = Field(min_length=1, max_length=100)
    """GPU nodes: HyperPod instance groups, or EKS managed node groups."""
    gpu_nodes: GpuNodesSettings = GpuNodesSettings()
    """When they come."""
    file_system: LustreSettings | None = None
    """FSx for Lustre for the weights; without it they come from S3 or are fetched by each node."""
    platform: PlatformSettings = PlatformSettings()
    """Device plugins, operators and controllers."""
    models: list[ModelSettings] = Field(min_length=1, max_length=500)
    """The models to serve."""
    gateway: GatewaySettings | None = None
    """One address for all models, which reads the field `model`: fallbacks, weights, keys and rates by client."""
    monitoring: MonitoringSettings = MonitoringSettings()
    """Prometheus, Grafana and what they keep."""
    prices: PriceTable = PriceTable()
    """Dated list prices, for the cost in every preview."""
    secrets: list[str] = []
    """Names of the stack's secret configuration values; filled from the stack file, where they are stored encrypted."""
