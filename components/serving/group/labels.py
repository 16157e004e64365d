"""Labels by which the pods of a LeaderWorkerSet are found (LeaderWorkerSet 0.9 puts them on every pod)."""

from __future__ import annotations

from typing import Final

NAME_LABEL: Final = "leaderworkerset.sigs.k8s.io/name"
"""On every pod: its LeaderWorkerSet."""
RANK_LABEL: Final = "leaderworkerset.sigs.k8s.io/worker-index"
"""On every pod: its place in the group; `0` is the leader."""


def leaders(name: str) -> dict[str, str]:
    """Labels of the leaders, which alone answer requests: a worker's API answers 404, and its `/health` always 200."""
    return {NAME_LABEL: name, RANK_LABEL: "0"}


def members(name: str) -> dict[str, str]:
    """Labels of all pods of a LeaderWorkerSet."""
    return {NAME_LABEL: name}
