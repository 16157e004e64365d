"""Settings of a LeaderWorkerSet: how a new version rolls out, and how many groups may be evicted at once."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from components.settings import Settings

LONGEST_GROUP_NAME: Final = 48

GroupName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=LONGEST_GROUP_NAME)]
"""A DNS-1035 label of at most 48 characters: LeaderWorkerSet puts name, group and revision hash into one pod label of
63, and a longer name is accepted but never gets a pod (seen with LeaderWorkerSet 0.9 on kube-apiserver 1.34)."""


class RolloutSettings(Settings):
    """A new version replaces groups one after another."""

    max_unavailable: Annotated[int, Field(ge=0, le=64)] = 1
    """Groups that may be missing meanwhile."""
    max_surge: Annotated[int, Field(ge=0, le=64)] = 0
    """Groups that may be added meanwhile. Each needs nodes that are spare, or the rollout stands still for good."""


class DisruptionBudgetSettings(Settings):
    """What a node drain may do to the groups."""

    max_unavailable: Annotated[int, Field(ge=0, le=64)] = 1
    """Groups that evictions may take down at once; 0 makes their nodes undrainable."""
