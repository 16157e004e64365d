"""Prefill and decode apart: who is sent requests, who speaks to whom, and which pods may be privileged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import pytest

from components.serving.disaggregation.plan import BOOTSTRAP_ANNOTATION
from components.serving.engine.command import PORT
from components.serving.names import NAMESPACE
from components.serving.plan import GroupPlan, ModelPlan
from tests.cluster.client import Manifest, RefusedError, labels_of, name_of
from tests.cluster.deployment import RANK, Deployment
from tests.cluster.program import APART, SET
from tests.cluster.selectors import Reach, selects

pytestmark = pytest.mark.stacks(APART, SET)

SELECTORS = {"prefill": "--prefill-selector", "decode": "--decode-selector"}


def test_a_router_is_told_of_the_leaders_of_each_phase_and_of_nobody_else(deployed: Deployment):
    pods = deployed.client.find_all("v1", "Pod", NAMESPACE)
    for model in _models(deployed):
        line = _router(deployed, model)["spec"]["template"]["spec"]["containers"][0]["args"]
        for group in model.groups:
            begin = line.index(SELECTORS[group.role]) + 1
            pairs = takewhile(lambda part: not part.startswith("--"), line[begin:])
            wanted = dict(part.split("=") for part in pairs)
            found = {name_of(pod) for pod in pods if selects({"matchLabels": wanted}, labels_of(pod))}
            assert found == {name_of(leader) for leader in deployed.leaders(group)}


def test_the_bootstrap_port_is_on_prefill_s_leaders_and_open_there(deployed: Deployment):
    for model in _models(deployed):
        prefill, decode = model.groups
        assert prefill.transfer
        for leader in deployed.leaders(prefill):
            port = int(leader["metadata"]["annotations"][BOOTSTRAP_ANNOTATION])
            assert port == prefill.transfer.bootstrap_port
            assert port in {each["containerPort"] for each in leader["spec"]["containers"][0]["ports"]}
        for pod in deployed.ranks(decode):
            assert BOOTSTRAP_ANNOTATION not in pod["metadata"].get("annotations", {})


def test_the_phases_of_a_model_reach_each_other_on_any_port(deployed: Deployment):
    reach = Reach.of(deployed.client)
    for model in _models(deployed):
        prefill, decode = model.groups
        for source, target in _pairs(deployed, prefill, decode):
            assert reach.allows(source, target, 8998)
            assert reach.allows(source, target, 41234)
            assert reach.allows(target, source, 41234)


def test_phases_of_other_models_do_not(deployed: Deployment):
    reach = Reach.of(deployed.client)
    first, second = _models(deployed)
    for source in first.groups:
        for target in second.groups:
            assert not reach.allows(deployed.leaders(source)[0], deployed.leaders(target)[0], 8998)
            assert not reach.allows(deployed.leaders(target)[0], deployed.leaders(source)[0], 8998)


def test_a_router_reaches_the_leaders_of_both_phases_at_their_api_alone(deployed: Deployment):
    reach = Reach.of(deployed.client)
    for model in _models(deployed):
        template = _router(deployed, model)["spec"]["template"]
        assert model.router
        space = {"namespace": model.router.namespace, "labels": template["metadata"]["labels"]}
        router: Manifest = {"metadata": {"name": "router", **space}, "spec": template["spec"]}
        for group in model.groups:
            for pod in deployed.ranks(group):
                leads = labels_of(pod)[RANK] == "0"
                assert reach.allows(router, pod, PORT) == leads, name_of(pod)
                assert not reach.allows(router, pod, 8998)


def test_pods_of_a_transport_that_needs_it_are_privileged_and_no_other(deployed: Deployment):
    for group in deployed.engines:
        for pod in deployed.ranks(group):
            context = pod["spec"]["containers"][0]["securityContext"]
            assert bool(context.get("privileged")) == group.privileged, name_of(pod)


def test_a_privileged_pod_of_no_such_set_is_refused(deployed: Deployment):
    group = next(each for each in deployed.engines if each.privileged)
    spec = deployed.leader_worker_set(group)["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]
    metadata = {"name": "visitor", "namespace": NAMESPACE}
    with pytest.raises(RefusedError, match="no container here is privileged but those of"):
        deployed.client.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, dry_run=True)


def test_phases_that_share_a_node_run_on_one(deployed: Deployment):
    for model in _models(deployed):
        if all(group.pods_per_node > 1 for group in model.groups):
            hosts = {host for group in model.groups for host in deployed.hosts(deployed.ranks(group))}
            assert len(hosts) <= model.replicas + 1
            assert {host.rpartition("-")[0] for host in hosts} == {model.pool.name}


def _models(deployed: Deployment) -> Iterator[ModelPlan]:
    yield from (model for model in deployed.program.plan.models if model.mode == "disaggregated")


def _router(deployed: Deployment, model: ModelPlan) -> Manifest:
    assert model.router
    return deployed.client.get("apps/v1", "Deployment", model.router.name, model.router.namespace)


def _pairs(deployed: Deployment, one: GroupPlan, other: GroupPlan) -> Iterator[tuple[Manifest, Manifest]]:
    for source in deployed.ranks(one):
        for target in deployed.ranks(other):
            yield source, target
