"""A routed model: what is planned and registered, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from components.serving.component import Model, RouterNamespace
from components.serving.entry.ingress import ROUTED_PATHS
from components.serving.plan import ModelPlan
from components.serving.router.objects import deployment, selector
from components.serving.router.policies import routing
from tests.support import Recording, context, run
from tests.unit.serving.builders import R1, plan

LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
ON_SYSTEM = {"pool": "system"}
SUBNET = "10.64.240.0/24"


def routed(router: dict[str, Any] | None = None, **changes: Any) -> ModelPlan:
    """R1 behind routers."""
    return plan(R1, router=router or {}, **changes)


def recorded(planned: ModelPlan, **options: Any) -> Recording:
    """A recording of the routers' namespace and one model."""

    def program() -> None:
        ctx = context()
        space = RouterNamespace(
            "routers", ctx, engines_namespace="inference", node_selector=ON_SYSTEM, api_server_cidrs=[SUBNET]
        )
        given: dict[str, Any] = {"load_balancer_cidrs": [SUBNET], **options}
        Model(planned.name, ctx, planned, namespace="inference", claim_name="weights", routers=space, **given)

    return run(program)


def spec_of(recording: Recording, type: str, name: str) -> Any:
    return recording.one(type, name).inputs["spec"]


def pod_of(recording: Recording) -> Any:
    return recording.one(DEPLOYMENT).inputs["spec"]["template"]["spec"]


def test_a_model_is_aggregated_unless_it_says_otherwise() -> None:
    assert plan(R1).mode == "aggregated"
    assert plan(R1).router is None
    assert routed().mode == "routed"


def test_clients_inside_the_cluster_talk_to_the_routers() -> None:
    assert routed().endpoint == "http://r1.routers.svc.cluster.local:30000/v1"


def test_routers_start_once_groups_answer_and_everything_that_they_name_is_there() -> None:
    recording = recorded(routed({"apiKeySecret": "key"}), api_key="hunter2")
    made = recording.one(DEPLOYMENT)
    assert recording.depends(made, recording.one(LWS))
    assert recording.depends(made, recording.one(SECRET))
    assert recording.depends(made, recording.one("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"))
    for what in ("serving", "routing"):
        assert recording.depends(made, recording.one(POLICY, f"r1-router-{what}"))


def test_routers_run_on_the_system_pool_as_nobody() -> None:
    pod = pod_of(recorded(routed()))
    assert pod["nodeSelector"] == ON_SYSTEM
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_their_namespace_is_restricted() -> None:
    labels = recorded(routed()).one("kubernetes:core/v1:Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_they_may_watch_the_engines_pods_and_nothing_else() -> None:
    recording = recorded(routed())
    role = recording.one("kubernetes:rbac.authorization.k8s.io/v1:Role").inputs
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    assert role["metadata"]["namespace"] == "inference"
    binding = recording.one("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding").inputs
    assert binding["metadata"]["namespace"] == "inference"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "router", "namespace": "routers"}]


def test_only_routers_and_prometheus_reach_the_engines() -> None:
    (rule,) = spec_of(recorded(routed(entry={}), monitoring_namespace="monitoring"), POLICY, "r1-serve-api")["ingress"]
    names = [source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for source in rule["from"]]
    assert names == ["monitoring", "routers"]
    assert rule["from"][1]["podSelector"] == {"matchLabels": selector("r1")}


def test_the_load_balancer_reaches_the_routers_and_not_the_engines() -> None:
    recording = recorded(routed())
    assert SUBNET in str(spec_of(recording, POLICY, "r1-router-serving"))
    assert SUBNET not in str(spec_of(recording, POLICY, "r1-serve-api"))


def test_prometheus_reaches_the_metrics_port_alone() -> None:
    recording = recorded(routed(), monitoring_namespace="monitoring", load_balancer_cidrs=())
    (rule,) = spec_of(recording, POLICY, "r1-router-serving")["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 29000}]


def test_routers_talk_to_leaders_and_the_api_server_only() -> None:
    planned = routed().router
    assert planned is not None
    engines, api_server = routing(selector("r1"), planned.leaders.values(), "inference", [SUBNET])["egress"]
    assert engines["to"][0]["podSelector"]["matchLabels"]["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    assert engines["ports"] == [{"protocol": "TCP", "port": 30000}]
    blocks = [peer["ipBlock"]["cidr"] for peer in api_server["to"]]
    assert blocks == ["10.100.0.1/32", "172.20.0.1/32", SUBNET]
    assert api_server["ports"] == [{"protocol": "TCP", "port": 443}]


def test_the_key_ends_at_the_router() -> None:
    recording = recorded(routed({"apiKeySecret": "key"}), api_key="hunter2")
    secret = recording.one(SECRET)
    assert secret.name == "r1-router-api-key"
    assert secret.secret_paths == ["stringData"]
    assert "hunter2" not in str([resource.inputs for resource in recording.resources])
    assert "--config" not in str(recording.one(LWS).inputs["spec"])


def test_a_new_key_rolls_the_routers_and_no_group() -> None:
    recording = recorded(routed({"apiKeySecret": "key"}), api_key="hunter2")
    annotations = recording.one(DEPLOYMENT).inputs["spec"]["template"]["metadata"]["annotations"]
    assert list(annotations) == ["sglang-hyperpod/api-key"]
    group = recording.one(LWS).inputs["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    assert "annotations" not in group["metadata"]


def test_routers_are_replaced_one_by_one_with_none_missing() -> None:
    spec = recorded(routed()).one(DEPLOYMENT).inputs["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    budget = spec_of(recorded(routed()), "kubernetes:policy/v1:PodDisruptionBudget", "r1-router-budget")
    assert budget["maxUnavailable"] == 1


def test_a_router_is_killed_only_after_its_streams_may_have_ended() -> None:
    pod = pod_of(recorded(routed(gracePeriodSeconds=1200)))
    (container,) = pod["containers"]
    drain = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    line = container["args"]
    shutdown = int(line[line.index("--shutdown-grace-period-secs") + 1])
    assert shutdown == 1200
    assert pod["terminationGracePeriodSeconds"] > drain + shutdown


def test_probes_ask_what_the_router_answers_without_a_key() -> None:
    (container,) = pod_of(recorded(routed()))["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readiness", "port": "http"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/liveness", "port": "http"}


def test_the_entry_leads_to_the_routers_and_to_no_control_endpoint() -> None:
    recording = recorded(routed(entry={"host": "r1.example.com"}))
    made = recording.one(INGRESS)
    (rule,) = made.inputs["spec"]["rules"]
    paths = [path["path"] for path in rule["http"]["paths"]]
    assert paths == list(ROUTED_PATHS)
    assert not any("/workers".startswith(path) for path in paths)
    assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {"r1"}
    assert made.inputs["metadata"]["annotations"]["alb.ingress.kubernetes.io/healthcheck-path"] == "/readiness"
    assert made.inputs["metadata"]["namespace"] == recording.one(DEPLOYMENT).inputs["metadata"]["namespace"]
    assert recording.depends(made, recording.one(DEPLOYMENT))


def test_the_leaders_have_no_service_of_their_own() -> None:
    assert [made.name for made in recorded(routed()).of_type(SERVICE)] == ["r1-router-service"]


def test_a_mirror_carries_the_known_tag() -> None:
    planned = routed({"image": {"repository": "registry.example.com/router"}}).router
    assert planned is not None
    assert planned.image.reference == "registry.example.com/router:v0.3.2"


def test_what_the_user_sets_in_the_environment_wins() -> None:
    planned = routed({"environment": {"HF_ENDPOINT": "https://hub.example.com"}}).router
    assert planned is not None
    spec = deployment(planned, node_selector={}, annotations={}, key_secret=None)
    (container,) = spec["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "HF_ENDPOINT", "value": "https://hub.example.com"}]


def test_a_routed_model_needs_the_routers_namespace() -> None:
    with pytest.raises(Exception, match="needs the routers' namespace"):
        run(lambda: Model("r1", context(), routed(), namespace="inference", claim_name="weights"))
