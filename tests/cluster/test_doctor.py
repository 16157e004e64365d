"""`doctor` on a real API server: a healthy cluster is healthy, a missing node is named with its group; it only reads.

It runs as a user who has the rights of `docs/runbooks/reader.yaml` and no others.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from infra.cli.main import app
from infra.doctor.performance import FIGURES
from tests.cluster.client import name_of
from tests.cluster.control_plane import READER, ControlPlane
from tests.cluster.deployment import Deployment, described
from tests.cluster.program import EVERY_STACK, FILES, ROOT

pytestmark = pytest.mark.stacks(*EVERY_STACK)

ROLE = ROOT / "docs" / "runbooks" / "reader.yaml"
Doctor = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def reader(plane: ControlPlane) -> Iterator[None]:
    """The documented role, bound to the user."""
    role = yaml.safe_load(ROLE.read_text())
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name_of(role)},
        "subjects": [{"apiGroup": group, "kind": "User", "name": READER}],
    }
    for manifest in (role, binding):
        plane.client.apply(manifest)
    yield
    for manifest in (binding, role):
        plane.client.delete(manifest)


@pytest.fixture
def doctor(plane: ControlPlane, reader: None, deployed: Deployment) -> Doctor:
    """`doctor("--checklist", "post")` of the deployed stack: what it printed as JSON, with the exit status beside."""
    if shutil.which("kubectl") is None:
        pytest.skip("cluster tier: kubectl is not installed")

    def run(*arguments: str) -> dict[str, Any]:
        where = ("--config", str(FILES[deployed.program.stack]), "--kubeconfig", str(plane.reader_kubeconfig))
        result = CliRunner().invoke(app, ["doctor", *where, "--json", *arguments])
        assert result.exit_code in (0, 1), result.output
        return {**json.loads(result.stdout), "exit": result.exit_code}

    return run


_HEALTHY: dict[str, dict[str, Any]] = {}


@pytest.fixture
def healthy(doctor: Doctor, deployed: Deployment) -> dict[str, Any]:
    """What it says of the stack with every pod running, with the checklist after a deployment; asked once."""
    stack = deployed.program.stack
    if stack not in _HEALTHY:
        _HEALTHY[stack] = doctor("--checklist", "post")
    return _HEALTHY[stack]


def test_a_healthy_cluster_gives_nothing_above_advice(healthy: dict[str, Any]):
    told = [f"{one['about']}: {one['message']}" for one in healthy["findings"] if one["severity"] != "advice"]
    assert told == []
    assert healthy["exit"] == 0
    assert {"groups.pending", "objects.differ", "objects.missing", "service.endpoints"} <= set(healthy["passed"])
    failed = [one for one in healthy["checklist"] if one["state"] == "fails"]
    assert failed == []
    assert {one["item"]: one["state"] for one in healthy["checklist"]}["Every pod runs"] == "holds"


def test_without_a_prometheus_the_figures_under_load_are_left_to_a_person(doctor: Doctor):
    told = {one["item"]: one for one in doctor("--checklist", "perf")["checklist"]}
    figures = [told[figure.item] for figure in FIGURES]
    assert {one["state"] for one in figures} == {"by hand"}
    # There is no pod behind the Service, which the API server says in its own words.
    assert all(one["detail"].startswith("Prometheus cannot be asked: ") for one in figures)
    assert all("forbidden" not in one["detail"].lower() for one in figures)


def test_it_reads_no_secret_and_says_so(healthy: dict[str, Any]):
    assert set(healthy["notLookedAt"]) <= {
        "platform.releases",
        "transport.tcp",
        "transport.kv-cache",
        "router.workers",
    }
    assert "forbidden" in healthy["notLookedAt"]["platform.releases"].lower()


def test_it_asks_for_nothing_but_reading(healthy: dict[str, Any], plane: ControlPlane):
    asked = [json.loads(line) for line in plane.audit.read_text().splitlines()]
    assert len(asked) > 20
    assert {each["verb"] for each in asked} <= {"get", "list", "watch"}
    secrets = [each for each in asked if (each.get("objectRef") or {}).get("resource") == "secrets"]
    assert {each["responseStatus"]["code"] for each in secrets} == {403}


def test_a_missing_node_is_named_with_exactly_the_group_that_does_not_fit(doctor: Doctor, deployed: Deployment):
    """Of groups that share a node none goes alone."""
    for engine in (each for each in deployed.engines if each.pods_per_node == 1):
        lost = [*deployed.spare(engine), deployed.ranks(engine, 0)[-1]["spec"]["nodeName"]]
        with deployed.without(lost):
            deployed.client.wait("a group is pending", deployed.pending)
            found = doctor()
            pending = [one for one in found["findings"] if one["check"] == "groups.pending"]
            assert [one["about"] for one in pending] == [f"group 0 of {engine.name}"]
            assert f"pool {engine.pool.name}" in pending[0]["message"]
            assert "nodes are available" in pending[0]["message"], "the scheduler's own words"
            assert pending[0]["page"] == "docs/runbooks/pending-pods.md"
            (missing,) = [one for one in found["findings"] if one["check"] == "nodes.missing"]
            assert missing["about"] == f"pool {engine.pool.name}"
            assert found["exit"] == 1


def test_what_somebody_changed_by_hand_is_told(doctor: Doctor, deployed: Deployment):
    service = deployed.of_kind("Service")[0]
    live = deployed.live(service)
    assert live is not None
    key = next(iter(service["spec"]["selector"]))
    deployed.client.merge(live, {"spec": {"selector": {key: "by-hand"}}})
    try:
        found = doctor()["findings"]
        differs = [one["about"] for one in found if one["check"] == "objects.differ"]
        assert differs == [described(service)]
    finally:
        deployed.client.apply(service, force=True)


def test_the_role_of_the_documentation_writes_nothing(plane: ControlPlane, reader: None):
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"user": READER, "resourceAttributes": {"verb": "get", "resource": "nodes"}},
    }
    attributes = review["spec"]["resourceAttributes"]

    def may(verb: str, resource: str) -> bool:
        attributes.update(verb=verb, resource=resource)
        return bool(plane.client.create(review)["status"]["allowed"])

    assert may("list", "nodes")
    for verb in ("create", "update", "patch", "delete"):
        assert not may(verb, "pods")
    assert not may("list", "secrets")
