"""The objects of one role: LeaderWorkerSet, Service of its leaders, disruption budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from components import http_server
from components.serving.engine.command import PORT
from components.serving.group.labels import leaders
from components.serving.manifest import Spec
from components.serving.pods.template import pod_template

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan

API_VERSION: Final = "leaderworkerset.x-k8s.io/v1"


def leader_worker_set(
    group: GroupPlan,
    *,
    service_account: str,
    claim_name: str | None = None,
    key_secret: str | None = None,
    annotations: Mapping[str, Any] | None = None,
) -> Spec:
    """`spec` of the LeaderWorkerSet.

    A rank that restarts cannot rejoin its peers, so the whole group is made anew. A leader is not waited for before its
    workers start (`LeaderReady`): it becomes ready only once they have joined. A group of one pod has no workers, and
    its one template is the leader's.
    """

    def template(*, leader: bool) -> dict[str, Any]:
        return pod_template(
            group,
            leader=leader,
            service_account=service_account,
            claim_name=claim_name,
            key_secret=key_secret,
            annotations=annotations,
        )

    several = group.nodes_per_group > 1
    return {
        "replicas": group.replicas,
        "startupPolicy": "LeaderCreated",
        "networkConfig": {"subdomainPolicy": "Shared"},
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxUnavailable": group.max_unavailable, "maxSurge": group.max_surge},
        },
        "leaderWorkerTemplate": {
            "size": group.nodes_per_group,
            "restartPolicy": "RecreateGroupOnPodRestart",
            **({"leaderTemplate": template(leader=True)} if several else {}),
            "workerTemplate": template(leader=not several),
        },
    }


def service(group: GroupPlan) -> Spec:
    """`spec` of the Service in front of the leaders."""
    return http_server.service(leaders(group.members), PORT)


def disruption_budget(group: GroupPlan) -> Spec:
    """`spec` of the disruption budget, over all ranks: evicting any pod of a group ends the group.

    A budget over leaders alone would let the worker of one group go while another group is down (seen with
    LeaderWorkerSet 0.9 on kube-apiserver 1.34). Above 1 it is stricter than so many groups of several pods. A pod that
    is not ready holds up no drain.
    """
    return {
        "maxUnavailable": group.evictable_groups,
        "selector": {"matchLabels": group.members},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
