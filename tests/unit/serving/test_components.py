"""What the components register: names, order, secrets and time-outs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.serving.component import InferenceNamespace, Model, WeightsPrefetch
from components.serving.namespace.plan import plan_namespace
from components.serving.plan import ModelPlan
from tests.support import Recording, context, run
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, R1, plan

LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
JOB = "kubernetes:batch/v1:Job"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def serve(planned: ModelPlan, **options: Any) -> Recording:
    """A recording of one model's component."""
    given: dict[str, Any] = {"claim_name": "weights", "vpc_cidrs": ["10.64.0.0/16"], **options}
    return run(lambda: Model(planned.name, context(), planned, namespace="inference", **given))


def deployed(program: Callable[[], Any]) -> Recording:
    return run(program)


def test_a_model_is_one_leader_worker_set_with_its_service_and_budget() -> None:
    recording = serve(plan(R1))
    assert recording.one(LWS).inputs["metadata"]["name"] == "r1"
    assert recording.one(SERVICE).inputs["metadata"]["name"] == "r1-api"
    assert recording.one(BUDGET).inputs["spec"]["maxUnavailable"] == 1


def test_the_set_is_waited_for_as_long_as_it_may_load() -> None:
    planned = plan(R1)
    made = serve(planned).one(LWS)
    assert made.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Available"}
    assert made.custom_timeouts["create"] == f"{planned.front.first_minutes}m"
    assert made.custom_timeouts["update"] == f"{planned.front.rollout_minutes}m"


def test_pods_come_after_their_network_policies() -> None:
    recording = serve(plan(R1))
    made = recording.one(LWS)
    names = {policy.inputs["metadata"]["name"] for policy in recording.of_type(POLICY)}
    assert names == {"r1-api", "r1-group"}
    assert all(recording.depends(made, policy) for policy in recording.of_type(POLICY))


def test_engines_with_weights_on_the_file_system_have_no_way_out() -> None:
    policies = [policy.inputs["spec"] for policy in serve(plan(R1)).of_type(POLICY)]
    assert not any("ipBlock" in str(policy.get("egress")) for policy in policies)


def test_a_group_of_one_pod_talks_to_nobody() -> None:
    policies = serve(plan(QWEN_8B, instance_type="g6e.xlarge")).of_type(POLICY)
    assert [policy.inputs["metadata"]["name"] for policy in policies] == ["qwen-api"]


def test_the_key_is_a_secret_and_nothing_else_holds_it() -> None:
    recording = serve(plan(R1, apiKeySecret="key"), api_key="hunter2")
    secret = recording.one(SECRET)
    assert secret.secret_paths == ["stringData"]
    assert "hunter2" not in str([resource.inputs for resource in recording.resources])
    annotations = recording.one(LWS).inputs["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["metadata"]["annotations"]
    assert list(annotations) == ["sglang-hyperpod/api-key"]
    assert recording.depends(recording.one(LWS), secret)


def test_without_an_entry_there_is_no_ingress() -> None:
    assert serve(plan(R1)).of_type(INGRESS) == []


def test_an_entry_comes_after_the_model_answers() -> None:
    planned = plan(R1, entry={"host": "r1.example.com", "certificateArn": CERTIFICATE})
    recording = serve(planned, load_balancer_cidrs=["10.64.240.0/24"])
    made = recording.one(INGRESS)
    annotations = made.inputs["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/group.name"] == "inference"
    assert annotations["alb.ingress.kubernetes.io/inbound-cidrs"] == "10.64.0.0/16"
    assert recording.depends(made, recording.one(LWS))


def test_a_model_is_open_to_the_load_balancer_that_leads_to_it() -> None:
    def sources(*cidrs: str) -> str:
        recording = serve(plan(R1), load_balancer_cidrs=cidrs)
        (policy,) = [each for each in recording.of_type(POLICY) if each.name == "r1-serve-api"]
        return str(policy.inputs["spec"])

    assert "10.64.240.0/24" in sources("10.64.240.0/24")
    assert "ipBlock" not in sources()


def test_a_model_from_a_bucket_reads_its_prefix_and_no_more() -> None:
    planned = plan(QWEN_8B, instance_type="g6e.xlarge", weights={"source": "s3", "uri": "s3://weights/qwen"})
    recording = serve(planned, claim_name=None, cluster_name="sglang-test")
    document = str(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    assert "arn:aws:s3:::weights/qwen/*" in document
    assert "s3:PutObject" not in document
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert association.inputs["serviceAccount"] == "qwen"
    assert recording.depends(recording.one(LWS), association)


def test_the_namespace_is_closed_and_its_accounts_have_no_token() -> None:
    recording = deployed(lambda: InferenceNamespace("inference", context(), plan_namespace([plan(R1)])))
    names = {policy.inputs["metadata"]["name"] for policy in recording.of_type(POLICY)}
    assert names == {"deny-all", "allow-dns"}
    accounts = recording.of_type("kubernetes:core/v1:ServiceAccount")
    assert {account.inputs["metadata"]["name"] for account in accounts} == {"engine", "weights"}
    assert all(account.inputs["automountServiceAccountToken"] is False for account in accounts)


def test_the_binding_comes_after_its_policy() -> None:
    recording = deployed(lambda: InferenceNamespace("inference", context(), plan_namespace([plan(R1)])))
    kind = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
    assert recording.depends(recording.one(f"{kind}Binding"), recording.one(kind))


def prefetch(**options: Any) -> Recording:
    def program() -> None:
        planned = plan(R1, weights={"tokenSecret": "hub"})
        WeightsPrefetch("r1-weights", context(), planned, namespace="inference", claim_name="weights", **options)

    return run(program)


def test_the_hubs_token_is_only_in_a_secret_of_the_job() -> None:
    recording = prefetch(token="hf_swordfish")
    assert recording.one(SECRET).secret_paths == ["stringData"]
    assert "hf_swordfish" not in str([resource.inputs for resource in recording.resources])
    assert recording.depends(recording.one(JOB), recording.one(SECRET))


def test_the_job_may_take_hours_and_is_replaced_when_it_failed() -> None:
    made = prefetch().one(JOB)
    assert int(made.custom_timeouts["create"].removesuffix("m")) > 240
    assert made.inputs["metadata"]["annotations"] == {"pulumi.com/replaceUnready": "true"}
    assert made.delete_before_replace


def test_the_job_reaches_the_world_and_not_the_vpc() -> None:
    policy = prefetch(vpc_cidrs=["10.64.0.0/16"]).one(POLICY)
    assert "10.64.0.0/16" in policy.inputs["spec"]["egress"][0]["to"][0]["ipBlock"]["except"]


def test_a_number_that_an_autoscaler_owns_is_given_once() -> None:
    fixed, scaled = serve(plan(R1)).one(LWS), serve(plan(R1, autoscaling={"maxReplicas": 2})).one(LWS)
    assert (fixed.inputs["spec"]["replicas"], fixed.ignore_changes) == (2, ())
    assert (scaled.inputs["spec"]["replicas"], scaled.ignore_changes) == (2, ("spec.replicas",))


def test_a_number_is_taken_back_by_force() -> None:
    made = serve(plan({**R1, "replicas": 1, "autoscaling": {"minReplicas": 2, "maxReplicas": 2}})).one(LWS)
    assert made.inputs["spec"]["replicas"] == 2
    assert made.ignore_changes == ()
    assert made.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


def test_tuned_kernels_are_there_before_the_pods_that_mount_them() -> None:
    kernels = {"triton": "3.5.1", "name": "E=128,N=192,device_name=NVIDIA_H100_80GB_HBM3.json", "content": {"1": {}}}
    planned = plan(QWEN_30B, tunedFiles={"fusedMoe": [kernels]})
    recording = serve(planned)
    made = recording.one("kubernetes:core/v1:ConfigMap")
    assert planned.front.tuned_files is not None
    assert made.inputs["metadata"]["name"] == planned.front.tuned_files.name
    assert made.inputs["data"] == {"fused-moe-0.json": '{"1": {}}'}
    assert made.inputs["immutable"] is True
    assert recording.depends(recording.one(LWS), made)


def test_engines_reach_the_networks_of_their_store_and_no_others() -> None:
    storage = {"backend": "mooncake", "mooncake": {"master": "10.9.0.5:50051", "networks": ["10.9.0.0/24"]}}
    recording = serve(plan(QWEN_8B, hierarchicalCache={"storage": storage}))
    (policy,) = [each for each in recording.of_type(POLICY) if each.inputs["metadata"]["name"] == "qwen-store"]
    assert policy.inputs["spec"]["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.9.0.0/24"}}], "ports": [{"protocol": "TCP"}]}
    ]
    assert recording.depends(recording.one(LWS), policy)
