"""Every kind of stack can be examined: routed, scaled, prefill and decode apart; and the documented role suffices."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from components.serving.group.labels import NAME_LABEL, RANK_LABEL
from components.serving.router.objects import selector
from infra.doctor.check import examine
from infra.doctor.checks import CHECKS
from infra.doctor.expected import Expected
from infra.doctor.observed import Cluster, Endpoints, GroupSet, LogKey, Workload
from infra.offline import record
from infra.plan import resolve
from infra.settings import load_stack_file, validate
from infra.stack import deploy
from tests import shipped
from tests.unit.doctor.clusters import NOW, ago, expected, new_pod
from tests.whole.stack.test_sleeping_stack import settings as sleeping_settings

ROOT = Path(__file__).parents[3]
APART = ROOT / "tests" / "stacks" / "Pulumi.disaggregated.yaml"
IN_SET = APART.with_name("Pulumi.disaggregated-set.yaml")
KINDS = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "StorageClass": "storageclasses"}
"""Plurals that are no plain `s`."""


@cache
def apart() -> Expected:
    return built(str(APART))


@cache
def in_set() -> Expected:
    """The same models, each model's phases in one DisaggregatedSet."""
    return built(str(IN_SET))


@cache
def routed() -> Expected:
    """The production stack with a router, an entry and an autoscaler."""
    raw = copy.deepcopy(load_stack_file(shipped.ROOT / "Pulumi.prod.yaml"))
    raw["models"][1] |= {
        "router": {},
        "entry": {"host": "qwen.example.com"},
        "autoscaling": {"minReplicas": 1, "maxReplicas": 2},
    }
    return made(raw)


def built(file: str) -> Expected:
    return made(load_stack_file(Path(file)))


def made(raw: dict[str, object], config: Mapping[str, str] = MappingProxyType({})) -> Expected:
    found = validate(raw)
    assert found.settings is not None, [str(problem) for problem in found.errors]
    plan = resolve(found.settings)
    deployed = record(lambda: deploy(plan.settings, plan, "made"), stack="made", config=config, secret_keys=[*config])
    return Expected.of(plan, deployed)


@pytest.mark.parametrize("stack", [apart, routed], ids=["apart", "routed"])
def test_an_empty_cluster_lacks_every_object_and_every_node(stack: Callable[[], Expected]) -> None:
    of = stack()
    found = examine(of, Cluster(read_at=NOW), CHECKS)
    missing = [one.about for one in found.diagnoses if one.check == "objects.missing"]
    assert len(missing) == len(of.objects)
    pools = {one.about for one in found.diagnoses if one.check == "nodes.missing"}
    assert pools == {"pool system", *(f"pool {pool.name}" for pool in of.plan.pools)}


def test_each_role_of_a_model_apart_is_looked_at() -> None:
    of = apart()
    names = [group.name for _, group in of.groups]
    assert {name.rpartition("-")[2] for name in names} == {"prefill", "decode"}
    sets = tuple(GroupSet(namespace="inference", name=name, wanted=1, ready=0, created=ago(1000)) for name in names)
    pods = tuple(new_pod(f"{name}-0", labels={NAME_LABEL: name}, ready=False, created=ago(1000)) for name in names)
    found = examine(of, Cluster(read_at=NOW, group_sets=sets, pods=pods), CHECKS)
    assert {one.about for one in found.diagnoses if one.check == "groups.ready"} == {f"groups of {n}" for n in names}


def test_both_versions_that_a_set_rolls_out_count_as_one_role() -> None:
    of = in_set()
    labels = {"disaggregatedset.x-k8s.io/name": "r1", "disaggregatedset.x-k8s.io/role": "decode"}
    old, new = (
        GroupSet(
            namespace="inference", name=f"r1-0-{revision}-decode", labels=labels, wanted=1, ready=ready, created=NOW
        )
        for revision, ready in (("0a1b2c3d", 1), ("4e5f6a7b", 0))
    )
    pods = (new_pod(f"{new.name}-0", labels=labels, ready=False, created=ago(1000)),)
    found = examine(of, Cluster(read_at=NOW, group_sets=(old, new), pods=pods), CHECKS)
    (told,) = [one for one in found.diagnoses if one.check == "groups.ready"]
    assert (told.about, told.message.split(",")[0]) == ("groups of r1-decode", "1 of 2 ready")


def test_a_set_of_which_nothing_is_made_is_told() -> None:
    objects = {("DisaggregatedSet", "inference", "r1"): {}}
    found = examine(in_set(), Cluster(read_at=NOW, objects=objects), CHECKS)
    assert [one.message for one in found.diagnoses if one.check == "groups.ready"] == [
        f"DisaggregatedSet r1 has made no LeaderWorkerSet of its role {role}" for role in ("prefill", "decode")
    ]


def test_a_set_that_starts_is_no_broken_operator() -> None:
    labels = {"disaggregatedset.x-k8s.io/name": "r1", "disaggregatedset.x-k8s.io/role": "prefill"}
    name = "r1-0-1a2b3c4d-prefill"
    made = GroupSet(namespace="inference", name=name, labels=labels, wanted=1, ready=0, created=NOW)
    begun = Workload(kind="StatefulSet", namespace="inference", name=name, wanted=1, ready=0)
    other = Workload(kind="StatefulSet", namespace="inference", name="stranger", wanted=1, ready=0)
    found = examine(in_set(), Cluster(read_at=NOW, group_sets=(made,), workloads=(begun, other)), CHECKS)
    told = [one.about for one in found.diagnoses if one.check == "platform.workloads"]
    assert told == ["StatefulSet inference/stranger"]


@pytest.mark.parametrize("wanted", [0, 1])
@pytest.mark.parametrize(("router", "check"), [({}, "router.workers"), (None, "service.endpoints")])
def test_a_sleeping_model_is_no_fault(wanted: int, router: dict[str, object] | None, check: str) -> None:
    raw = sleeping_settings()
    raw["models"][0]["router"] = router
    of = made(raw, {"sglang-hyperpod:teamA": "sk-team-a-7041"})
    group = GroupSet(namespace="inference", name="deepseek-r1", wanted=wanted, ready=0, created=NOW)
    nobody = Endpoints(namespace="inference", service="deepseek-r1-api", pods=frozenset())
    pod = new_pod("deepseek-r1-x", namespace="routers", labels=selector("deepseek-r1"))
    logs = {LogKey("routers", pod.name, "router"): "No available workers"} if wanted == 0 else {}
    opened = {LogKey("routers", pod.name, "router"): "Circuit breaker state transition: closed -> open"}
    cluster = Cluster(read_at=NOW, group_sets=(group,), endpoints=(nobody,), pods=(pod,), logs=logs or opened)
    found = {one.check for one in examine(of, cluster, CHECKS).diagnoses}
    assert (check in found) == (wanted == 1)


UCX, LIBFABRIC = "NIXL INFO Backend UCX was instantiated", "NIXL INFO Backend LIBFABRIC was instantiated"


@pytest.mark.parametrize(
    ("group", "log", "told"),
    [
        ("r1-decode", UCX, 1),
        ("r1-decode", LIBFABRIC, 0),
        ("r1-decode", f"{UCX}\n{LIBFABRIC}", 0),
        ("qwen3-8b-decode", UCX, 0),
    ],
)
def test_a_kv_cache_that_travels_over_tcp_is_told_where_efa_was_planned(group: str, log: str, told: int) -> None:
    pod = new_pod(f"{group}-0", labels={NAME_LABEL: group, RANK_LABEL: "0"})
    key = LogKey("inference", f"{group}-0", "sglang", from_start=True)
    found = examine(apart(), Cluster(read_at=NOW, pods=(pod,), logs={key: log}), CHECKS)
    symptoms = [one for one in found.diagnoses if one.check == "transport.kv-cache"]
    assert [one.about for one in symptoms] == [f"pod inference/{group}-0"] * told
    assert all(one.page == "docs/runbooks/kv-cache-tcp.md" and UCX in one.message for one in symptoms)


def test_what_an_autoscaler_owns_is_known_from_the_plan() -> None:
    (scaled,) = [each for each in routed().objects if each.kind == "ScaledObject"]
    target = scaled.manifest["spec"]["scaleTargetRef"]
    (group,) = [each for each in routed().objects if (each.kind, each.name) == (target["kind"], target["name"])]
    assert "spec.replicas" in group.left_alone


@pytest.mark.parametrize("stack", ["dev", "prod", "apart", "set", "routed"])
def test_the_documented_role_may_read_every_kind_of_the_plan(stack: str) -> None:
    of = expected(stack) if stack in shipped.STACKS else {"apart": apart, "set": in_set, "routed": routed}[stack]()
    role = yaml.safe_load((ROOT / "docs" / "runbooks" / "reader.yaml").read_text())
    for each in of.objects:
        group = str(each.manifest["apiVersion"]).rpartition("/")[0]
        plural = KINDS.get(each.kind, f"{each.kind.lower()}s").replace("policys", "policies")
        granted = {name for rule in role["rules"] if group in rule["apiGroups"] for name in rule["resources"]}
        assert {plural, "*"} & granted, f"{each.kind} of {group or 'the core group'}"
