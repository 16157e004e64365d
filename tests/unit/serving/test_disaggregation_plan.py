"""Prefill and decode apart: what each phase comes to."""

from __future__ import annotations

from typing import Any

import pytest

from components.serving.component import Model, RouterNamespace
from components.serving.group.labels import members
from components.serving.namespace.plan import admission_policy, plan_namespace
from components.serving.network.policies import between
from components.serving.plan import GroupPlan, ModelPlan, nodes_of
from components.serving.pods.template import pod_template
from components.serving.roles import roles
from components.serving.router.policies import routing
from tests.support import context, run
from tests.unit.serving.builders import APART, R1, apart, model, plan
from tests.unit.serving.test_disaggregation_rules import QWEN_APART, TCP

OWN_IMAGE = {"repository": "registry.example.com/sglang", "efaCapable": True, "mooncakeEfa": True}


def phases(base: dict[str, Any] = APART, **changes: Any) -> tuple[GroupPlan, GroupPlan]:
    prefill, decode = plan(base, **changes).groups
    return prefill, decode


def value(group: GroupPlan, option: str) -> str:
    return group.arguments[group.arguments.index(option) + 1]


def pod(group: GroupPlan) -> dict[str, Any]:
    return pod_template(group, leader=True, service_account="engine", claim_name="weights", key_secret=None)


def test_a_model_without_phases_has_one_role_that_is_itself() -> None:
    settings = model(R1)
    (role,) = roles(settings)
    assert (role.name, role.at, role.group, role.settings) == ("serve", "", "r1", settings)


def test_each_phase_is_a_set_of_its_own() -> None:
    planned = plan(
        apart(decode={"nodesPerGroup": 1, "replicas": 3, "parallelism": {"tensor": 8}}), instance_type="p5en.48xlarge"
    )
    assert [(group.name, group.role, group.replicas, group.pods) for group in planned.groups] == [
        ("r1-prefill", "prefill", 1, 2),
        ("r1-decode", "decode", 3, 3),
    ]
    assert (planned.mode, planned.nodes, planned.gpus) == ("disaggregated", 5, 40)


def test_a_phase_takes_what_it_says_and_else_what_the_model_says() -> None:
    settings = {
        **apart(prefill={"memFractionStatic": 0.7, "arguments": {"chunked-prefill-size": 16384}}),
        "memFractionStatic": 0.8,
        "arguments": {"schedule-policy": "fcfs", "--chunked-prefill-size": 4096},
    }
    prefill, decode = phases(settings)
    assert [value(group, "--mem-fraction-static") for group in (prefill, decode)] == ["0.7", "0.8"]
    assert [value(group, "--chunked-prefill-size") for group in (prefill, decode)] == ["16384", "4096"]
    assert [value(group, "--schedule-policy") for group in (prefill, decode)] == ["fcfs", "fcfs"]
    assert prefill.arguments.count("--chunked-prefill-size") == 1


def test_what_tunes_a_phase_is_laid_over_what_tunes_the_model() -> None:
    settings = {
        **apart(
            prefill={"scheduling": {"chunkedPrefillSize": 16384}, "experts": {"balance": {"algorithm": "deepseek"}}}
        ),
        "scheduling": {"chunkedPrefillSize": 4096, "policy": "fcfs"},
        "experts": {"balance": {"rebalanceIterations": 500}},
    }
    prefill, decode = phases(settings)
    assert [value(group, "--chunked-prefill-size") for group in (prefill, decode)] == ["16384", "4096"]
    assert [value(group, "--schedule-policy") for group in (prefill, decode)] == ["fcfs", "fcfs"]
    assert value(prefill, "--eplb-algorithm") == "deepseek"
    assert value(prefill, "--eplb-rebalance-num-iterations") == "500"
    assert "--eplb-algorithm" not in decode.arguments


def test_a_tuned_value_is_named_where_it_was_written() -> None:
    settings = model({**apart(decode={"scheduling": {"policy": "lpm"}}), "scheduling": {"maxPrefillTokens": 8192}})
    prefill, decode = roles(settings)
    assert decode.path("scheduling.policy") == "disaggregation.decode.scheduling.policy"
    assert prefill.path("scheduling.maxPrefillTokens") == "scheduling.maxPrefillTokens"
    assert prefill.path("scheduling.policy") == "disaggregation.prefill.scheduling.policy"


def test_each_phase_scales_by_itself() -> None:
    prefill, decode = phases(apart(decode={"autoscaling": {"minReplicas": 2, "maxReplicas": 4}}))
    assert prefill.scaling is None
    assert decode.scaling is not None
    assert (decode.replicas, decode.least_replicas, decode.most_replicas) == (2, 2, 4)
    queries = [each.metadata["query"] for each in decode.scaling.triggers if each.type == "prometheus"]
    assert all("r1-decode" in query for query in queries)


def test_each_engine_is_told_its_phase() -> None:
    prefill, decode = phases(apart(bootstrapPort=9000, decode={"reservedTokens": 1024, "pollingInterval": 4}))
    assert value(prefill, "--disaggregation-mode") == "prefill"
    assert value(decode, "--disaggregation-mode") == "decode"
    assert value(prefill, "--disaggregation-bootstrap-port") == "9000"
    assert value(decode, "--num-reserved-decode-tokens") == "1024"
    assert value(decode, "--disaggregation-decode-polling-interval") == "4"
    assert "--num-reserved-decode-tokens" not in prefill.arguments


def test_the_first_release_must_be_told_of_the_other_phase() -> None:
    changed = apart(TCP, decode={"nodesPerGroup": 4, "parallelism": {"tensor": 32, "data": 2, "dpAttention": True}})
    old = {"version": "0.5.8", "image": {**OWN_IMAGE, "tag": "v0.5.8"}}
    prefill, decode = phases(changed, engine=old)
    assert value(prefill, "--disaggregation-decode-tp") == "32"
    assert value(prefill, "--disaggregation-decode-dp") == "2"
    assert value(decode, "--disaggregation-prefill-pp") == "1"
    assert not {"--disaggregation-decode-tp", "--disaggregation-prefill-pp"} & {
        argument for group in phases(changed) for argument in group.arguments
    }


TRANSPORTS: list[tuple[str, str, str, dict[str, str | None]]] = [
    (
        "nixl-libfabric",
        "0.5.17",
        "nixl",
        {"SGLANG_DISAGGREGATION_NIXL_BACKEND": "LIBFABRIC", "FI_PROVIDER": "efa", "MC_FORCE_TCP": None},
    ),
    ("mooncake-efa", "0.5.17", "mooncake", {"MOONCAKE_PROTOCOL": "efa", "FI_PROVIDER": "efa", "MC_FORCE_TCP": None}),
    ("mooncake-tcp", "0.5.17", "mooncake_tcp", {"MC_FORCE_TCP": None, "MOONCAKE_PROTOCOL": None}),
    ("mooncake-tcp", "0.5.8", "mooncake", {"MC_FORCE_TCP": "1"}),
]


@pytest.mark.parametrize(("transport", "version", "backend", "variables"), TRANSPORTS)
def test_backend_and_variables_follow_from_the_transport(
    transport: str, version: str, backend: str, variables: dict[str, str | None]
) -> None:
    engine = {"version": version, "image": {**OWN_IMAGE, "tag": f"v{version}"}}
    for group in phases(apart(transport=transport), engine=engine):
        assert value(group, "--disaggregation-transfer-backend") == backend
        assert {name: group.environment.get(name) for name in variables} == variables
        assert group.environment["SGLANG_DISAGGREGATION_WAITING_TIMEOUT"] == "600"


def test_a_phase_s_own_variables_come_last() -> None:
    timeouts = {"SGLANG_DISAGGREGATION_WAITING_TIMEOUT": "900"}
    prefill, decode = phases(apart(decode={"environment": timeouts}))
    assert prefill.environment["SGLANG_DISAGGREGATION_WAITING_TIMEOUT"] == "600"
    assert decode.environment["SGLANG_DISAGGREGATION_WAITING_TIMEOUT"] == "900"


def test_over_efa_one_node_groups_take_their_nodes_interfaces_too() -> None:
    alone = {"nodesPerGroup": 1, "parallelism": {"tensor": 8}}
    for group in phases(apart(prefill=alone, decode=alone), instance_type="p5en.48xlarge"):
        assert (group.efa_per_pod, group.resources.limits["vpc.amazonaws.com/efa"]) == (16, "16")
        assert group.resources.limits["hugepages-2Mi"] == "5Gi"
        assert "/opt/amazon/efa/lib:" in group.command[2]
        assert "no NCCL plugin" not in group.command[2]
        assert "the KV cache would silently run over TCP" in group.command[2]


def test_over_tcp_they_take_none() -> None:
    for group in phases(QWEN_APART):
        assert group.efa_per_pod == 0
        assert "hugepages-2Mi" not in group.resources.limits
        assert "LD_LIBRARY_PATH" not in group.command[2]


def test_pods_are_privileged_only_where_the_transport_needs_it() -> None:
    for group in phases():
        (container,) = pod(group)["spec"]["containers"]
        assert container["securityContext"] == {"privileged": True}
    for group in phases(TCP):
        (container,) = pod(group)["spec"]["containers"]
        assert container["securityContext"]["privileged"] is False


def test_routers_find_the_bootstrap_port_on_prefill_s_pods_alone() -> None:
    prefill, decode = map(pod, phases(apart(bootstrapPort=9000)))
    assert prefill["metadata"]["annotations"] == {"sglang.ai/bootstrap-port": "9000"}
    assert "annotations" not in decode["metadata"]
    ports = [[port["containerPort"] for port in each["spec"]["containers"][0]["ports"]] for each in (prefill, decode)]
    assert ports == [[30000, 9000], [30000]]


def test_the_router_sends_each_request_to_a_leader_of_both_phases() -> None:
    planned = plan(APART).router
    assert planned is not None
    line = list(planned.arguments)
    name, rank = "leaderworkerset.sigs.k8s.io/name", "leaderworkerset.sigs.k8s.io/worker-index=0"
    assert line[line.index("--prefill-selector") + 1 :][:2] == [f"{name}=r1-prefill", rank]
    assert line[line.index("--decode-selector") + 1 :][:2] == [f"{name}=r1-decode", rank]
    assert "--selector" not in line
    assert planned.policies == {"prefill": "power_of_two", "decode": "power_of_two"}


def test_a_router_stops_no_sooner_than_the_slowest_phase() -> None:
    planned = plan(apart(prefill={"gracePeriodSeconds": 600}, decode={"gracePeriodSeconds": 1800}))
    assert planned.router is not None
    assert planned.router.shutdown_seconds == planned.grace_period_seconds == 1800
    assert [group.grace_period_seconds for group in planned.groups] == [600, 1800]


def test_a_router_reaches_the_leaders_of_both_phases() -> None:
    planned = plan(APART).router
    assert planned is not None
    engines, _ = routing({"a": "b"}, planned.leaders.values(), "inference", [])["egress"]
    reached = [peer["podSelector"]["matchLabels"] for peer in engines["to"]]
    assert reached == list(planned.leaders.values())
    assert engines["ports"] == [{"protocol": "TCP", "port": 30000}]


def test_the_phases_are_open_to_each_other_alone() -> None:
    policy = between(members("r1-prefill"), members("r1-decode"))
    other = {"podSelector": {"matchLabels": {"leaderworkerset.sigs.k8s.io/name": "r1-decode"}}}
    assert policy["podSelector"] == {"matchLabels": {"leaderworkerset.sigs.k8s.io/name": "r1-prefill"}}
    assert (policy["ingress"], policy["egress"]) == ([{"from": [other]}], [{"to": [other]}])


def test_only_the_sets_of_a_privileged_transport_may_be_privileged() -> None:
    def conditions(*models: ModelPlan) -> list[str]:
        policy = admission_policy(plan_namespace(models))
        return [each["expression"] for each in (*policy["variables"], *policy["validations"])]

    assert not any("mayBePrivileged" in each for each in conditions(plan(R1), plan(TCP)))
    (allowed,) = [each for each in conditions(plan(R1), plan(APART)) if "orValue('') in" in each]
    assert allowed.endswith('in ["r1-decode", "r1-prefill"]')


def test_groups_that_share_a_node_are_counted_once() -> None:
    planned = plan(QWEN_APART)
    assert [group.nodes for group in planned.groups] == [1, 1]
    assert (planned.nodes, nodes_of(planned.groups)) == (1, 1)


def test_each_phase_has_its_set_budget_and_policies_and_one_way_in() -> None:
    planned = plan(apart(decode={"disruptionBudget": {"maxUnavailable": 2}}))

    def program() -> None:
        ctx = context()
        routers = RouterNamespace("routers", ctx, engines_namespace="inference", node_selector={}, api_server_cidrs=[])
        Model("r1", ctx, planned, namespace="inference", claim_name="weights", routers=routers)

    recording = run(program)
    sets = recording.of_type("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet")
    assert [made.inputs["metadata"]["name"] for made in sets] == ["r1-prefill", "r1-decode"]
    budgets = recording.of_type("kubernetes:policy/v1:PodDisruptionBudget")
    assert {made.inputs["metadata"]["name"]: made.inputs["spec"]["maxUnavailable"] for made in budgets} == {
        "r1-prefill": 1,
        "r1-decode": 2,
        "r1": 1,
    }
    policies = {
        made.inputs["metadata"]["name"] for made in recording.of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy")
    }
    assert {f"r1-{phase}-{what}" for phase in ("prefill", "decode") for what in ("api", "group", "transfer")} < policies
    for phase, peer in (("prefill", "decode"), ("decode", "prefill")):
        made = recording.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", f"r1-{phase}-transfer")
        assert made.inputs["spec"] == between(members(f"r1-{phase}"), members(f"r1-{peer}"))
    router = recording.one("kubernetes:apps/v1:Deployment")
    assert all(recording.depends(router, made) for made in sets)
