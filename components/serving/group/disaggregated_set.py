"""DisaggregatedSet: both phases of a model as one object, which makes a LeaderWorkerSet of each. Pure.

What it makes and how it rolls out is from lws v0.10.0 (pkg/controllers/disaggregatedset, pkg/webhooks/disaggregatedset)
and was seen with the real controller on kube-apiserver 1.34.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from components.serving.manifest import Spec
    from components.serving.plan import GroupPlan

API_VERSION: Final = "disaggregatedset.x-k8s.io/v1"
KIND: Final = "DisaggregatedSet"
SCALER_KIND: Final = "DisaggregatedSetRoleScaler"
"""What the controller makes of a role that scales: `<set>-<role>`, with a scale subresource that counts groups."""

SINCE: Final = "0.10.0"
"""The first release of LeaderWorkerSet whose roles can be scaled by an autoscaler."""

NAME_ROOM: Final = len("-0-01234567-")
"""Characters that the controller puts between set and role in the name of a LeaderWorkerSet: slice and revision."""


def disaggregated_set(groups: Iterable[GroupPlan], leader_worker_set: Callable[[GroupPlan], Spec]) -> Spec:
    """`spec` of the DisaggregatedSet of a model's phases; `leader_worker_set` gives that of each.

    A role that scales names no number: the controller reads it from the role's scaler, which begins with one group.
    """
    return {"roles": [_role(group, leader_worker_set(group)) for group in groups]}


def _role(group: GroupPlan, spec: Spec) -> dict[str, Any]:
    if group.scaling is None:
        return {"name": group.role, "scaling": {"mode": "Static"}, "spec": spec}
    own = {name: value for name, value in spec.items() if name != "replicas"}
    return {"name": group.role, "scaling": {"mode": "External"}, "spec": own}
