"""A whole stack with a Mooncake store of its own: what the program registers for it, and whom its pods may talk to."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from components.rules import Severity
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.policy.run import violations_of
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
STORE = {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 32, "resources": {"memoryGiB": 4}}}}
MODEL = "deepseek-r1"


@cache
def deployed() -> tuple[Plan, Recording]:
    """The production stack, whose first model keeps pages of its KV cache in a store of its own."""
    raw: Any = dict(load_stack_file(ROOT / "Pulumi.prod.yaml"))
    first, second = raw["models"]
    cached = {"hierarchicalCache": {"sizeGB": 60, "storage": STORE}, "scheduling": {"pageSize": 64}}
    raw["models"] = [{**first, **cached}, second]
    found = validate(raw)
    assert [str(problem) for problem in found.errors] == []
    assert found.settings is not None
    plan = resolve(found.settings)
    return plan, record(lambda: deploy(plan.settings, plan, "prod"), stack="prod")


def test_it_breaks_no_policy() -> None:
    plan, recording = deployed()
    found = violations_of(recording, plan.settings)
    assert [str(problem) for problem in found if problem.severity is Severity.ERROR] == []


def test_engines_wait_for_the_master_and_it_for_no_gpu() -> None:
    _, recording = deployed()
    master = recording.one(DEPLOYMENT, f"{MODEL}-store-deployment")
    assert recording.depends(recording.one(LWS, f"{MODEL}-serve"), master)
    assert not recording.depends(recording.one(LWS, "qwen3-30b-serve"), master)
    assert not any(recording.depends(master, gpus) for gpus in recording.of_type("aws-native:sagemaker:Cluster"))


def test_there_is_one_master_with_the_engines_own_mooncake() -> None:
    plan, recording = deployed()
    spec = recording.one(DEPLOYMENT, f"{MODEL}-store-deployment").inputs["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    (container,) = spec["template"]["spec"]["containers"]
    assert container["image"] == plan.models[0].image.reference
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["template"]["spec"]["nodeSelector"] == {"sglang-hyperpod/pool": "system"}


def test_every_rank_knows_the_master_by_its_service() -> None:
    plan, recording = deployed()
    service = recording.one("kubernetes:core/v1:Service", f"{MODEL}-store-service").inputs
    metadata, (port,) = service["metadata"], service["spec"]["ports"]
    named = f"{metadata['name']}.inference.svc.cluster.local:{port['port']}"
    assert plan.models[0].front.environment["MOONCAKE_MASTER"] == named
    ports = recording.one(DEPLOYMENT, f"{MODEL}-store-deployment").inputs["spec"]["template"]["spec"]["containers"][0]
    assert port["targetPort"] in [each["name"] for each in ports["ports"]]


def test_the_master_is_asked_by_its_engines_and_prometheus_alone() -> None:
    _, recording = deployed()
    spec = recording.one(POLICY, f"{MODEL}-store-{MODEL}-store-policy").inputs["spec"]
    assert spec["policyTypes"] == ["Ingress"]
    engines, prometheus = spec["ingress"]
    assert engines["ports"] == [{"protocol": "TCP", "port": 50051}]
    assert engines["from"] == [
        {"podSelector": {"matchLabels": {"leaderworkerset.sigs.k8s.io/name": MODEL}}},
    ]
    assert prometheus["ports"] == [{"protocol": "TCP", "port": 9003}]
    assert len(prometheus["from"]) == 1


def test_ranks_hand_pages_to_each_other_on_their_ports_alone() -> None:
    _, recording = deployed()
    spec = recording.one(POLICY, f"{MODEL}-store-{MODEL}-pages-policy").inputs["spec"]
    labels = {"leaderworkerset.sigs.k8s.io/name": MODEL}
    assert spec["podSelector"]["matchLabels"] == labels
    pages = [{"protocol": "TCP", "port": 15000, "endPort": 15199}]
    assert spec["ingress"] == [{"from": [{"podSelector": {"matchLabels": labels}}], "ports": pages}]
    master, ranks = spec["egress"]
    assert master["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == f"{MODEL}-store"
    assert master["ports"] == [{"protocol": "TCP", "port": 50051}]
    assert ranks == {"to": [{"podSelector": {"matchLabels": labels}}], "ports": pages}


def test_prometheus_scrapes_the_master() -> None:
    _, recording = deployed()
    monitor = recording.one("kubernetes:monitoring.coreos.com/v1:PodMonitor", f"store-monitors-{MODEL}-store").inputs
    pods = recording.one(DEPLOYMENT, f"{MODEL}-store-deployment").inputs["spec"]["template"]
    assert pods["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    ports = [port["containerPort"] for port in pods["spec"]["containers"][0]["ports"]]
    assert [endpoint["portNumber"] in ports for endpoint in monitor["spec"]["podMetricsEndpoints"]] == [True]


def test_a_preview_names_the_store() -> None:
    plan, recording = deployed()
    shown = json.loads(json.dumps(plan_json(Preview.of(plan, recording))))
    assert [model["store"] for model in shown["models"]] == [f"{MODEL}-store", None]
