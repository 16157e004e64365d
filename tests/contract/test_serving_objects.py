"""What the serving components make is accepted by the schemas of the kinds that they make."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.serving.component import InferenceNamespace, Model, RouterNamespace, WeightsPrefetch
from components.serving.mooncake.component import Store
from components.serving.namespace.plan import plan_namespace
from tests.contract.shared import kubernetes_faults, schema_faults, strict_schema
from tests.support import Recording, context, run
from tests.unit.serving.builders import APART, QWEN_8B, QWEN_30B, R1, apart, plan

KUBERNETES = "1.34"
SET = "kubernetes:disaggregatedset.x-k8s.io/v1:DisaggregatedSet"
LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
ENTRY = {"host": "r1.example.com", "path": "/r1", "certificateArn": CERTIFICATE}
OWN_STORE = {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 16}}}
TRAFFIC = {"traffic": {"r1": 95, "qwen": 5}}


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A namespace, R1 with everything that a model can have, Qwen from a bucket, R1 behind routers and with its phases
    apart, Qwen with tuned kernels, adapters and a store for its KV cache, and the master of a store of its own.
    """
    r1 = plan(R1, entry={**ENTRY, **TRAFFIC}, apiKeySecret="key")
    qwen = plan(QWEN_8B, instance_type="g6e.xlarge", weights={"source": "s3", "uri": "s3://weights/qwen"})

    staged = plan({**R1, "name": "staged"}, weights={"staging": True})
    routed = plan({**R1, "name": "routed"}, entry=ENTRY, router={"apiKeySecret": "key"})
    phases = plan({**APART, "name": "apart"})
    one = plan(
        apart({**APART, "name": "one"}, kind="DisaggregatedSet", decode={"autoscaling": {"maxReplicas": 2}}),
    )
    store = {"backend": "mooncake", "mooncake": {"master": "10.9.0.5:50051", "networks": ["10.9.0.0/24"]}}
    kept = plan({**QWEN_8B, "name": "kept"}, hierarchicalCache={"storage": OWN_STORE})
    kernels = {"triton": "3.5.1", "name": "E=128,N=192,device_name=NVIDIA_H100_80GB_HBM3.json", "content": {"1": {}}}
    tuned = plan(
        QWEN_30B,
        hierarchicalCache={"storage": store},
        tunedFiles={"fusedMoe": [kernels]},
        lora={"maxRank": 16, "adapters": [{"name": "a", "path": "/a"}]},
    )

    def program() -> None:
        ctx, key = context(), pulumi.Output.secret("key")
        routers = RouterNamespace(
            "routers", ctx, engines_namespace="inference", node_selector={"a": "b"}, api_server_cidrs=["10.0.1.0/24"]
        )
        Model("routed", ctx, routed, namespace="inference", claim_name="weights", routers=routers, api_key=key)
        Model("staged", ctx, staged, namespace="inference", claim_name="weights")
        InferenceNamespace("inference", ctx, plan_namespace([r1, qwen, phases, staged, one]))
        Model("apart", ctx, phases, namespace="inference", claim_name="weights", routers=routers)
        Model("one", ctx, one, namespace="inference", claim_name="weights", routers=routers)
        Model("qwen-30b", ctx, tuned, namespace="inference", claim_name="weights")
        assert kept.store is not None
        Store("kept-store", ctx, kept.store, namespace="inference", monitoring_namespace="monitoring")
        WeightsPrefetch("qwen-30b-weights", ctx, tuned, namespace="inference", claim_name="weights")
        WeightsPrefetch("r1-weights", ctx, r1, namespace="inference", claim_name="weights", token=key)
        other = Model("qwen", ctx, qwen, namespace="inference", cluster_name="sglang-test")
        Model(
            "r1",
            ctx,
            r1,
            namespace="inference",
            claim_name="weights",
            api_key=key,
            load_balancer_cidrs=["10.0.0.0/24"],
            versions={"qwen": other},
        )

    return run(program, preview=False)


def test_sets_have_only_fields_that_the_controller_knows(recording: Recording) -> None:
    schema = strict_schema("leaderworkerset.x-k8s.io_LeaderWorkerSet", "spec")
    sets = recording.of_type(LWS)
    assert len(sets) == 7
    for made in sets:
        assert schema_faults(made.inputs["spec"], schema) == []


def test_a_disaggregated_set_has_only_fields_that_the_controller_knows(recording: Recording) -> None:
    schema = strict_schema("disaggregatedset.x-k8s.io_DisaggregatedSet", "spec")
    (made,) = recording.of_type(SET)
    assert schema_faults(made.inputs["spec"], schema) == []
    roles = [{**role, "scale": {}} for role in made.inputs["spec"]["roles"]]
    faults = schema_faults({"roles": roles}, schema)
    assert faults
    assert all("scale" in fault for fault in faults)


def test_a_misspelt_field_would_be_found(recording: Recording) -> None:
    schema = strict_schema("leaderworkerset.x-k8s.io_LeaderWorkerSet", "spec")
    spec: Any = dict(recording.of_type(LWS)[0].inputs["spec"])
    (fault,) = schema_faults({**spec, "replica": 2}, schema)
    assert "'replica' was unexpected" in fault


@pytest.mark.parametrize(
    "kind",
    [
        "core/v1:ConfigMap",
        "core/v1:Namespace",
        "core/v1:Secret",
        "core/v1:Service",
        "core/v1:ServiceAccount",
        "apps/v1:Deployment",
        "batch/v1:Job",
        "networking.k8s.io/v1:Ingress",
        "networking.k8s.io/v1:NetworkPolicy",
        "policy/v1:PodDisruptionBudget",
        "rbac.authorization.k8s.io/v1:Role",
        "rbac.authorization.k8s.io/v1:RoleBinding",
        "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
    ],
)
def test_objects_are_what_kubernetes_takes(recording: Recording, kind: str) -> None:
    made = recording.of_type(f"kubernetes:{kind}")
    assert made
    for resource in made:
        manifest = dict(resource.inputs)
        if kind == "core/v1:Secret":
            manifest["stringData"] = dict.fromkeys(manifest["stringData"], "text")
        assert kubernetes_faults(manifest, KUBERNETES) == []


def test_the_pods_of_a_set_are_pods(recording: Recording) -> None:
    for made in recording.of_type(LWS):
        for name in ("leaderTemplate", "workerTemplate"):
            template = made.inputs["spec"]["leaderWorkerTemplate"].get(name)
            if template:
                metadata = {"name": "pod", "labels": template["metadata"]["labels"]}
                pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
                assert kubernetes_faults(pod, KUBERNETES) == []
