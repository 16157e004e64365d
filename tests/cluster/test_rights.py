"""Nothing that the program runs may do more than it needs: towards the API server and on the network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.monitoring.efa_exporter.exporter import PORT as EFA_PORT
from components.monitoring.efa_exporter.plan import NAMESPACE as EFA_EXPORTER
from components.serving.engine.command import PORT
from components.serving.names import NAMESPACE
from tests.cluster.access import Account
from tests.cluster.client import Manifest, labels_of, name_of
from tests.cluster.deployment import GROUP, Deployment
from tests.cluster.program import EVERY_STACK
from tests.cluster.selectors import Reach
from tests.cluster.stand_ins import needs_charts

DNS: Manifest = {"metadata": {"name": "dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}, "spec": {}}
VISITOR: Manifest = {"metadata": {"name": "visitor", "namespace": "default", "labels": {}}, "spec": {}}
HUB = "203.0.113.7"
"""An address of the internet."""


@pytest.mark.parametrize(
    ("verb", "resource", "namespace"),
    [
        ("list", "secrets", ""),
        ("get", "secrets", NAMESPACE),
        ("get", "secrets", "monitoring"),
        ("create", "pods/exec", NAMESPACE),
        ("create", "pods", NAMESPACE),
        ("list", "nodes", ""),
        ("patch", "nodes", ""),
        ("create", "serviceaccounts/token", NAMESPACE),
        ("*", "*", ""),
    ],
)
def test_an_engine_s_account_may_not(deployed: Deployment, verb: str, resource: str, namespace: str):
    for account in _accounts(deployed):
        assert not account.may(verb, resource, namespace), account.name


def test_no_pod_of_the_program_gets_a_token(deployed: Deployment):
    pods = deployed.client.find_all("v1", "Pod", NAMESPACE)
    assert pods
    for pod in pods:
        projected = [each for each in pod["spec"].get("volumes", []) if "serviceAccountToken" in str(each)]
        assert projected == [], name_of(pod)


def test_every_pod_runs_under_an_account_of_the_program(deployed: Deployment):
    known = {name_of(account) for account in deployed.of_kind("ServiceAccount")}
    for pod in deployed.client.find_all("v1", "Pod", NAMESPACE):
        assert pod["spec"]["serviceAccountName"] in known, name_of(pod)


@pytest.mark.stacks(*EVERY_STACK)
@needs_charts
def test_prometheus_reaches_every_rank_and_a_visitor_none(deployed: Deployment):
    reach = Reach.of(deployed.client)
    prometheus = deployed.client.find_all("v1", "Pod", "monitoring", {"app.kubernetes.io/name": "prometheus"})[0]
    for pod in _ranks(deployed):
        assert reach.allows(prometheus, pod, PORT), name_of(pod)
        assert not reach.allows(prometheus, pod, 22)
        assert not reach.allows(VISITOR, pod, PORT)
        assert not reach.allows(HUB, pod, PORT)


@needs_charts
def test_prometheus_alone_reaches_the_efa_exporter_and_it_reaches_nobody(deployed: Deployment):
    reach = Reach.of(deployed.client)
    prometheus = deployed.client.find_all("v1", "Pod", "monitoring", {"app.kubernetes.io/name": "prometheus"})[0]
    pods = deployed.client.find_all("v1", "Pod", EFA_EXPORTER)
    assert pods
    for pod in pods:
        assert reach.allows(prometheus, pod, EFA_PORT)
        assert not reach.allows(VISITOR, pod, EFA_PORT)
        assert not reach.allows(pod, DNS, 53, "UDP")
        assert not reach.allows(pod, HUB, 443)
        assert pod["spec"]["automountServiceAccountToken"] is False


@pytest.mark.stacks(*EVERY_STACK)
def test_ranks_of_a_group_reach_each_other_on_any_port(deployed: Deployment):
    reach = Reach.of(deployed.client)
    for engine in (each for each in deployed.engines if each.nodes_per_group > 1):
        for source in deployed.ranks(engine):
            for target in deployed.ranks(engine, int(labels_of(source)[GROUP])):
                assert reach.allows(source, target, 20000)
                assert reach.allows(source, target, 41234, "UDP")


@pytest.mark.stacks(*EVERY_STACK)
def test_models_do_not_reach_each_other(deployed: Deployment):
    reach = Reach.of(deployed.client)
    for source in deployed.engines:
        for target in (each for each in deployed.engines if each is not source):
            if source.transfer and source.transfer.peer == target.name:
                continue
            assert not reach.allows(deployed.leaders(source)[0], deployed.leaders(target)[0], PORT)


def test_everything_resolves_names(deployed: Deployment):
    reach = Reach.of(deployed.client)
    for pod in deployed.client.find_all("v1", "Pod", NAMESPACE):
        assert reach.allows(pod, DNS, 53, "UDP"), name_of(pod)
        assert not reach.allows(pod, DNS, 9153), name_of(pod)


def test_only_the_weights_job_reaches_the_hub(deployed: Deployment):
    reach = Reach.of(deployed.client)
    jobs = deployed.client.find_all("v1", "Pod", NAMESPACE, {"app.kubernetes.io/name": "weights"})
    assert jobs
    inside = deployed.program.plan.settings.network.cidr.split("/")[0]
    for job in jobs:
        assert reach.allows(job, HUB, 443)
        assert not reach.allows(job, HUB, 80)
        assert not reach.allows(job, inside, 443), "the cloud's own networks are not the hub"
        assert not reach.allows(job, "169.254.169.254", 80), "instance metadata hands out the node's rights"
    for pod in _ranks(deployed):
        assert not reach.allows(pod, HUB, 443), name_of(pod)
        assert not reach.allows(pod, "169.254.169.254", 80), name_of(pod)


def _ranks(deployed: Deployment) -> Iterator[Manifest]:
    for engine in deployed.engines:
        yield from deployed.ranks(engine)


def _accounts(deployed: Deployment) -> list[Account]:
    accounts = deployed.of_kind("ServiceAccount")
    return [Account(deployed.client, account["metadata"]["namespace"], name_of(account)) for account in accounts]
