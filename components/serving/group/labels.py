"""By which labels the pods of a role are found, whatever makes its LeaderWorkerSets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAME_LABEL: Final = "leaderworkerset.sigs.k8s.io/name"
"""On every pod: its LeaderWorkerSet."""
RANK_LABEL: Final = "leaderworkerset.sigs.k8s.io/worker-index"
"""On every pod: its place in the group; `0` is the leader."""
SET_LABEL: Final = "disaggregatedset.x-k8s.io/name"
"""On every LeaderWorkerSet and pod of a DisaggregatedSet: the set."""
ROLE_LABEL: Final = "disaggregatedset.x-k8s.io/role"
"""On every LeaderWorkerSet and pod of a DisaggregatedSet: the role."""


def members(group: str, role: str = "", set_name: str | None = None) -> dict[str, str]:
    """Labels of all pods of a role, of every version that runs.

    A LeaderWorkerSet of the program carries the name of its group. Those that a DisaggregatedSet makes are called
    `<set>-<slice>-<revision>-<role>` and come and go with the version (lws v0.10.0
    pkg/utils/disaggregatedset/utils.go: GenerateName, GenerateLabels), so that their pods are found by set and role.

    >>> members("r1-prefill")
    {'leaderworkerset.sigs.k8s.io/name': 'r1-prefill'}
    >>> members("r1-prefill", "prefill", "r1")
    {'disaggregatedset.x-k8s.io/name': 'r1', 'disaggregatedset.x-k8s.io/role': 'prefill'}
    """
    return {NAME_LABEL: group} if set_name is None else {SET_LABEL: set_name, ROLE_LABEL: role}


def leaders(pods: Mapping[str, str]) -> dict[str, str]:
    """Labels of the leaders among `pods`. They alone answer requests: a worker's API answers 404, and its `/health`
    always 200.
    """
    return {**pods, RANK_LABEL: "0"}
