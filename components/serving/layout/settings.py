"""Settings of the layout: how many ranks of each kind, and how many GPUs of a node a pod takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings import Settings

Ranks = Annotated[int, Field(ge=1, le=512)]
"""A number of ranks."""


class ParallelismSettings(Settings):
    """Ranks of one group. tensor x pipeline x data (data only without dpAttention) is the group's number of GPUs."""

    tensor: Ranks = 1
    """Tensor parallelism over all nodes of a pipeline stage; ranks exchange activations in every layer."""
    pipeline: Ranks = 1
    """Pipeline stages; what crosses a stage boundary is small, so nodes without RDMA make good stages."""
    data: Ranks = 1
    """Data parallelism. Without dpAttention each rank is a full copy on GPUs of its own, on one node; with it, the
    tensor ranks share the attention's requests out among them and no further GPU is needed."""
    dp_attention: bool = False
    """Data-parallel attention, for models whose KV heads are fewer than the tensor ranks (MLA above all)."""
    expert: Ranks = 1
    """Expert parallelism: the tensor ranks are split into this many groups that hold different experts."""


class PackingSettings(Settings):
    """Lets several pods share a node. Said explicitly, since it gives up the node's EFA and its isolation."""

    gpus_per_pod: Annotated[int, Field(ge=1, le=8)]
    """GPUs that one pod takes; a divisor of the node's GPUs."""
