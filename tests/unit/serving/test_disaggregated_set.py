"""Both phases as one DisaggregatedSet: what is made of it, and by which labels everything else finds its pods."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from components.monitoring.dashboards.parts import GroupPart
from components.monitoring.monitors import EngineTarget
from components.platform.keda.settings import KedaSettings
from components.platform.keda.values import values as keda_values
from components.platform.lws.settings import LwsSettings
from components.platform.lws.values import values as lws_values
from components.serving.autoscaling.component import Autoscaling
from components.serving.component import Model, RouterNamespace
from components.serving.group.labels import leaders
from components.serving.group.set_rollout import SetRollout, set_rollout
from components.serving.names import group_name
from components.serving.namespace.plan import admission_policy, plan_namespace
from components.serving.plan import ModelPlan
from components.serving.rules import rules
from infra.offline import Recording
from tests.support import context, run
from tests.unit.serving.builders import APART, apart, found, model, plan
from tests.unit.serving.test_disaggregation_rules import TCP

SET = "kubernetes:disaggregatedset.x-k8s.io/v1:DisaggregatedSet"
SERVICE = "kubernetes:core/v1:Service"
PREFILL = {"disaggregatedset.x-k8s.io/name": "r1", "disaggregatedset.x-k8s.io/role": "prefill"}
DECODE = PREFILL | {"disaggregatedset.x-k8s.io/role": "decode"}
RECORDED = Path(__file__).parent / "recorded" / "set-rollouts.txt"
REVISION = "r1-0-0a1b2c3d-prefill"
"""A LeaderWorkerSet as lws v0.10.0 calls it (pkg/utils/disaggregatedset/utils.go: GenerateName)."""


def in_set(**changes: Any) -> ModelPlan:
    return plan(apart(kind="DisaggregatedSet", **changes))


SCALED = in_set(decode={"autoscaling": {"minReplicas": 2, "maxReplicas": 3}})


def recorded(planned: ModelPlan) -> Recording:
    def program() -> None:
        ctx = context()
        routers = RouterNamespace("routers", ctx, engines_namespace="inference", node_selector={}, api_server_cidrs=[])
        Model("r1", ctx, planned, namespace="inference", claim_name="weights", routers=routers)
        Autoscaling("r1-autoscaling", ctx, planned, namespace="inference", prometheus_url="http://prometheus")

    return run(program)


def selectors(value: Any) -> list[dict[str, str]]:
    """Every `matchLabels` or Service selector below a value."""
    if isinstance(value, list):
        return [found for each in value for found in selectors(each)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in ("matchLabels", "selector") if isinstance(value.get(key), dict)]
    return [each for each in own if "matchLabels" not in each] + [
        found for key, each in value.items() if key != "matchLabels" for found in selectors(each)
    ]


def test_one_object_holds_both_phases_and_the_same_groups_as_two() -> None:
    roles = recorded(SCALED).one(SET).inputs["spec"]["roles"]
    apart_roles = recorded(plan(APART)).of_type("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet")
    assert [role["name"] for role in roles] == ["prefill", "decode"]
    assert roles[0]["spec"] == apart_roles[0].inputs["spec"]
    assert roles[1]["spec"].keys() == apart_roles[1].inputs["spec"].keys() - {"replicas"}


def test_a_scaled_phase_leaves_its_number_to_its_scaler() -> None:
    roles = recorded(SCALED).one(SET).inputs["spec"]["roles"]
    assert [role["scaling"]["mode"] for role in roles] == ["Static", "External"]
    target = recorded(SCALED).one("kubernetes:keda.sh/v1alpha1:ScaledObject").inputs["spec"]["scaleTargetRef"]
    assert target == {
        "apiVersion": "disaggregatedset.x-k8s.io/v1",
        "kind": "DisaggregatedSetRoleScaler",
        "name": "r1-decode",
    }
    assert [group.replicas for group in SCALED.groups] == [1, 2]


def test_whatever_selects_engines_does_so_by_set_and_role() -> None:
    recording = recorded(SCALED)
    found = [
        labels
        for kind in ("policy/v1:PodDisruptionBudget", "networking.k8s.io/v1:NetworkPolicy", "core/v1:Service")
        for made in recording.of_type(f"kubernetes:{kind}")
        for labels in selectors(made.inputs["spec"])
    ]
    assert not any("leaderworkerset.sigs.k8s.io/name" in labels for labels in found)
    assert all(labels in found for labels in (PREFILL, DECODE, leaders(PREFILL), leaders(DECODE)))
    assert SCALED.router is not None
    assert SCALED.router.leaders == {"prefill": leaders(PREFILL), "decode": leaders(DECODE)}
    line = " ".join(SCALED.router.arguments)
    assert "--prefill-selector disaggregatedset.x-k8s.io/name=r1 disaggregatedset.x-k8s.io/role=prefill" in line


def test_the_phases_are_waited_for_by_their_services() -> None:
    recording = recorded(SCALED)
    made = recording.one(SET)
    services = [each for each in recording.of_type(SERVICE) if recording.depends(each, made)]
    router = recording.one("kubernetes:apps/v1:Deployment")
    named = {each.inputs["metadata"]["name"]: each.inputs["spec"]["selector"] for each in services}
    assert {name: named[name] for name in ("r1-prefill-api", "r1-decode-api")} == {
        "r1-prefill-api": leaders(PREFILL),
        "r1-decode-api": leaders(DECODE),
    }
    assert all("annotations" not in each.inputs["metadata"] for each in services if each.name.startswith("r1-p"))
    assert all(recording.depends(router, each) for each in services if "router" not in each.name)


def test_pods_of_the_set_may_be_privileged_and_the_message_names_it() -> None:
    policy = admission_policy(plan_namespace([in_set(), plan(TCP)]))
    (allowed,) = [each["expression"] for each in policy["variables"] if each["name"] == "mayBePrivileged"]
    assert allowed == """object.metadata.?labels['disaggregatedset.x-k8s.io/name'].orValue('') in ["r1"]"""
    assert "no container here is privileged but those of r1" in [each["message"] for each in policy["validations"]]


def test_the_ratio_counts_the_leaders_of_the_other_phase() -> None:
    scaling = SCALED.groups[1].scaling
    assert scaling is not None
    (ratio,) = [trigger for trigger in scaling.triggers if trigger.name == "ratio"]
    wanted = ",".join(f"{key}={value}" for key, value in leaders(PREFILL).items())
    assert ratio.metadata["podSelector"] == wanted


def test_series_keep_the_name_of_the_group_through_every_version() -> None:
    target = EngineTarget("r1-prefill", "r1", "prefill", "0.5.17", set_name="r1")
    spec = target.pod_monitor(interval_seconds=15)
    (endpoint,) = spec["podMetricsEndpoints"]
    lws = [each for each in endpoint["relabelings"] if each["targetLabel"] == "lws"]
    assert spec["selector"] == {"matchLabels": PREFILL}
    assert lws == [{"action": "replace", "targetLabel": "lws", "replacement": "r1-prefill"}]


def test_a_dashboard_knows_the_stateful_sets_of_every_version() -> None:
    part = GroupPart(lws=group_name("r1", "prefill"), role="prefill", groups=1, pods=2, set_name="r1")
    assert re.fullmatch(part.stateful_set, REVISION)
    assert not re.fullmatch(part.stateful_set, REVISION.replace("prefill", "decode"))
    assert not re.fullmatch(part.stateful_set, f"{REVISION}-0")


def test_a_rollout_goes_as_the_planner_s_own() -> None:
    lines = [line for line in RECORDED.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 100
    for line in lines:
        groups, unavailable, surge, least, most = (_pair(part) for part in line.split("|"))
        assert set_rollout(groups, unavailable, surge) == SetRollout(least, most), line


def test_a_rollout_that_leaves_nobody_of_a_phase_is_told() -> None:
    def told(prefill: int, decode: int) -> list[tuple[str, str]]:
        settings = model(apart(kind="DisaggregatedSet", prefill={"replicas": prefill}, decode={"replicas": decode}))
        return found(rules, "disaggregation.set-outage", settings)

    assert told(1, 2) == [
        (
            "disaggregation.decode.replicas",
            "a new version leaves none of the 2 decode groups serving while it starts: both phases change together",
        )
    ]
    assert told(1, 1) == told(2, 2) == told(1, 4) == []


def _pair(text: str) -> tuple[int, int]:
    first, second = text.split()
    return int(first), int(second)


def test_the_charts_know_sets_where_there_are_some() -> None:
    on, off = (
        lws_values(LwsSettings(), node_selector={}, metrics=False, disaggregated_sets=sets) for sets in (True, False)
    )
    assert (on["enableDisaggregatedSet"], off["enableDisaggregatedSet"]) == (True, False)
    kinds = [{each["kind"] for each in _keda(scales_sets=scales)["rbac"]["scaledRefKinds"]} for scales in (True, False)]
    assert kinds == [{"leaderworkersets", "disaggregatedsetrolescalers"}, {"leaderworkersets"}]


def _keda(*, scales_sets: bool) -> dict[str, Any]:
    return keda_values(KedaSettings(), cluster_name="c", node_selector={}, metrics=False, scales_sets=scales_sets)
