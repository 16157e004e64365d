"""Deleted in the reverse order, a stack leaves nothing behind. The last file of the tier: the stack is gone then."""

from __future__ import annotations

import pytest

from tests.cluster.client import Client, name_of
from tests.cluster.deployment import Deployment, described
from tests.cluster.program import SET, STACKS

KINDS = (
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Namespace"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ("disaggregatedset.x-k8s.io/v1", "DisaggregatedSet"),
    ("disaggregatedset.x-k8s.io/v1", "DisaggregatedSetRoleScaler"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
)
BUILT_IN = {"default", "kube-system", "kube-public", "kube-node-lease"}


@pytest.mark.stacks(*STACKS, SET)
def test_deletion_leaves_nothing_and_no_finalizer_hangs(applied: Deployment):
    applied.delete()
    assert _left(applied.client) == []


def _left(client: Client) -> list[str]:
    found = [each for kind in KINDS for each in client.find_all(*kind)]
    return [
        described(each)
        for each in found
        if name_of(each) not in BUILT_IN
        and each["metadata"].get("namespace") not in BUILT_IN
        and not name_of(each).startswith("kube-")
    ]
